// Renders docs/cli.md. The definitions are handed in, so that a test can render those it was compiled with.
import { JSON_DOCUMENTS } from './cli-json-documents.js';

/** `cli` holds what src/cli exports: COMMANDS, DEFAULT_COMMAND, EXIT_CODES, optionUsage, usage. */
export function cliDocument(cli) {
  const sections = [
    '<!-- Written by `npm run docs` from src/cli and scripts/cli-json-documents.js; change it there. -->',
    '# The command line',
    'Results go to stdout, everything else to stderr. Options and paths may stand in any order; what stands behind `--` is a path, whatever it looks like. A value that begins with a dash is written `--option=VALUE`.',
    ...cli.COMMANDS.flatMap((command) => commandSection(command, cli)),
    '## Exit codes',
    table(
      ['Code', 'Meaning'],
      cli.EXIT_CODES.map(([code, meaning]) => [String(code), meaning]),
    ),
    'With several destinations it is the code of the first one that failed; the image is pushed to the others, and their lines are printed, all the same.',
    '## JSON documents',
    'Key names are stable. A key whose value is not known is left out. Sizes are bytes; digests are `sha256:` and 64 hexadecimal digits (cut short here); descriptors are those of the OCI image specification.',
    ...JSON_DOCUMENTS.flatMap(({ title, about, example }) => [
      `### ${title}`,
      about,
      `\`\`\`json\n${JSON.stringify(example, undefined, 2)}\n\`\`\``,
    ]),
  ];
  return `${sections.join('\n\n')}\n`;
}

function commandSection(command, cli) {
  const { name, summary, positional, examples, groups, notes } = command;
  const byDefault = command === cli.DEFAULT_COMMAND ? ` The word \`${name}\` may be left out.` : '';
  return [
    `## ${name}`,
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.${byDefault}`,
    `\`\`\`\n${cli.usage(command)}\n\`\`\``,
    `\`${positional.name.toUpperCase()}\`: ${positional.describe}.`,
    `\`\`\`sh\n${examples.map((example) => `# ${example.purpose}\n${example.command}`).join('\n')}\n\`\`\``,
    ...groups.flatMap((group) => groupSection(group, cli)),
    ...notes,
  ];
}

function groupSection({ title, options }, cli) {
  const rows = Object.entries(options).map(([name, option]) => [
    `\`${cli.optionUsage(name, option)}\``,
    option.describe,
    option.repeat ? 'yes' : '',
  ]);
  return [`### ${title}`, table(['Option', 'Meaning', 'Repeatable'], rows)];
}

function table(header, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
