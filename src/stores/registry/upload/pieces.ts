/** How many times `least` a piece may be long. */
const MOST = 32;

/**
 * The same bytes in pieces of at least `least` bytes, the last one excepted. Long pieces are cut: how fast the
 * connection takes them is what tells a slow one from a dead one.
 */
export async function* evenPieces(
  source: AsyncIterable<Uint8Array>,
  least: number,
): AsyncGenerator<Uint8Array, void, void> {
  const most = MOST * least;
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source) {
    length += piece.byteLength;
    if (length < least) {
      // The source uses its memory again.
      waiting.push(Buffer.from(piece));
      continue;
    }
    waiting.push(piece);
    const joined = join(waiting, length);
    let start = 0;
    for (; joined.byteLength - start >= most + least; start += most)
      yield joined.subarray(start, start + most);
    yield joined.subarray(start);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield join(waiting, length);
}

/** Copies only if there is something to join. */
export function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, length);
}
