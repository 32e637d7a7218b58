// Runs contenders beside each other, so that whatever disturbs the machine disturbs all of them.

/**
 * Runs all contenders `{ name, run }` in turn, `rounds` times after one round that does not count, each round beginning
 * with another one. Gives what `run(round)` gave, an object of numbers, as a Map from name to the samples.
 */
export async function interleave(contenders, rounds) {
  const samples = new Map(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    const first = round % contenders.length;
    for (const { name, run } of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const sample = await run(round);
      if (round > 0) samples.get(name).push(sample);
    }
  }
  return samples;
}

/** The medians of all numbers that the samples have. */
export function medians(samples) {
  const names = Object.keys(samples[0]);
  return Object.fromEntries(names.map((name) => [name, median(samples.map((sample) => sample[name]))]));
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A table as Markdown has them; `rows` are arrays of texts, the first one the heading. */
export function markdownTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells, fill = ' ') =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at], fill) : cell.padStart(widths[at], fill))).join(' | ')} |`;
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map((row) => line(row))].join('\n');
}
