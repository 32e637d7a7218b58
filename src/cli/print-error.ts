import { NixpushError } from '../base/errors.ts';
import { exitCodeOf } from './exit-codes.ts';
import { jsonText } from './json-text.ts';
import { safeText, withoutUrlSecrets } from './safe-text.ts';

export interface PrintErrorOptions {
  /** One JSON line in place of text. */
  json: boolean;
  /** Add the code, the chain of causes and the stacks. */
  verbose: boolean;
}

/** An error in the JSON documents of the command line (docs/cli.md); absent facts are left out. */
export interface ErrorDocument {
  code: string;
  exitCode: number;
  message: string;
  detail?: string | undefined;
  hint?: string | undefined;
  host?: string | undefined;
  repository?: string | undefined;
  digest?: string | undefined;
  path?: string | undefined;
  status?: number | undefined;
}

const MAX_DETAIL_LINES = 12;
const REPORT_HINT = 'This is a defect in nixpush. Run it again with --verbose and report what it prints.';

/** The one place where errors become text. */
export function printError(
  error: unknown,
  stream: { write(text: string): unknown },
  options: PrintErrorOptions,
): void {
  const document = errorDocument(error);
  if (options.json) {
    stream.write(jsonText({ error: document }));
    if (!options.verbose) return;
  } else {
    stream.write(textOf(document));
  }
  if (options.verbose) stream.write(causesOf(error));
}

export function errorDocument(error: unknown): ErrorDocument {
  if (error instanceof NixpushError) {
    const { code, message, detail, hint, host, repository, digest, path, status } = error;
    return {
      code,
      exitCode: exitCodeOf(error),
      message,
      detail,
      hint,
      host,
      repository,
      digest,
      path,
      status,
    };
  }
  const message = withoutUrlSecrets(error instanceof Error ? error.message : String(error));
  return { code: 'ERR_INTERNAL', exitCode: 1, message: `unexpected error: ${message}`, hint: REPORT_HINT };
}

function textOf({ message, detail, hint }: ErrorDocument): string {
  const lines = [`nixpush: ${safeText(message)}`];
  if (detail !== undefined && !message.includes(detail)) lines.push(...detailLines(detail));
  if (hint !== undefined) lines.push(`  hint: ${safeText(hint)}`);
  return `${lines.join('\n')}\n`;
}

/** The end is kept: programs and servers say what matters last. */
function detailLines(detail: string): string[] {
  const lines = detail.trimEnd().split('\n');
  const left = lines.length - MAX_DETAIL_LINES;
  const shown = left > 0 ? [`(${left} lines left out)`, ...lines.slice(left)] : lines;
  return shown.map((line) => `  ${safeText(line.trimEnd())}`);
}

function causesOf(error: unknown): string {
  const lines: string[] = [];
  const seen = new Set<unknown>();
  let current = error;
  while (current !== undefined && current !== null && !seen.has(current)) {
    seen.add(current);
    lines.push(...stackLines(current, lines.length === 0 ? '' : 'caused by: '));
    current = current instanceof Error ? current.cause : undefined;
  }
  return `${lines.join('\n')}\n`;
}

function stackLines(error: unknown, prefix: string): string[] {
  if (!(error instanceof Error)) return [`  ${prefix}${safeText(withoutUrlSecrets(String(error)))}`];
  const code = (error as NodeJS.ErrnoException).code;
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split('\n');
  const shown = lines.map(
    (line, row) => `  ${row === 0 ? prefix : ''}${safeText(withoutUrlSecrets(line.trimEnd()))}`,
  );
  return code === undefined ? shown : [...shown, `    code: ${safeText(code)}`];
}
