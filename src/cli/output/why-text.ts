import type { WhyResult } from '../../verbs/why.ts';
import { formatBytes } from '../format.ts';
import { safeText } from '../safe-text.ts';

/** Each chain as a tree that goes down to the path that was asked for. */
export function whyText({ chains }: WhyResult): string {
  const trees = chains.map(({ chain, narSize }) => {
    const lines = chain.map((path, depth) => (depth === 0 ? path : `${'   '.repeat(depth - 1)}└─ ${path}`));
    return `${lines.join('\n')}  (${formatBytes(narSize)})`;
  });
  return `${safeLines(trees.join('\n\n'))}\n`;
}

function safeLines(text: string): string {
  return text.split('\n').map(safeText).join('\n');
}
