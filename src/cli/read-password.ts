import { usageError } from '../base/errors.ts';

/** Longer than any token. Bytes. */
const LONGEST = 64 * 1024;

/** A password from a pipe: all of it but the line's end. Throws ERR_USAGE if it is empty or no line. */
export async function readPassword(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > LONGEST) throw usageError(`the password on stdin is longer than ${LONGEST} bytes`);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') throw usageError('the password on stdin is empty');
  if (/[\r\n]/.test(password)) throw usageError('the password on stdin is more than one line');
  return password;
}
