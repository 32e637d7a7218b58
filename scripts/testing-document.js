/**
 * docs/testing-registries.md: what stands in the source about each switch of the fault registry, as a page.
 * `read` gives the text of a file in src/testing.
 */
export function testingDocument(read) {
  const quirks = read('quirks.ts');
  const [registry, auth] = quirks.split('/** Who gets in. */');
  return `<!-- Written by \`npm run docs\` from src/testing and scripts/testing-document.js; change it there. -->

# A registry to test clients with

\`nixpush/testing\` is a registry in memory, on 127.0.0.1, that behaves as badly as you like. It is what nixpush's own
uploads are tested with, and it knows nothing of nixpush: any client of the OCI distribution protocol can be held
against it, in any test runner.

\`\`\`js
import { personalities, startFaultRegistry } from 'nixpush/testing';

const registry = await startFaultRegistry({ ...personalities.distribution2, maxBody: 1_000_000 });
registry.fault({ on: 'upload-patch', nth: 2, effect: { kind: 'reset', afterBytes: 4096 } });

await yourClient.push(\`http://\${registry.host}/x/demo:latest\`);

registry.repository('x/demo').tags.get('latest'); // sha256:…
registry.requests; // each with operation, method, path, headers, status, bytes
registry.dialogue(); // ['POST 202', 'PATCH 202', 'PATCH 0', 'GET 204', …]; 0 is a connection that was cut
await registry.stop();
\`\`\`

Without switches it follows the distribution-spec to the letter. **Quirks** are lasting behaviours, each seen in a real
registry; \`registry.quirks\` may be changed between requests. **Faults** are single mishaps, which hit the nth request
of a kind. \`registry.repository(name)\` holds \`blobs\`, \`manifests\`, \`tags\` and \`sessions\`, which may be looked at and
changed. It speaks plain HTTP and keeps everything in memory.

## Quirks

${table(
  ['Switch', 'Values', 'What it does'],
  membersOf(registry, 'RegistryQuirks').filter(({ name }) => name !== 'auth'),
)}

### \`auth\`

\`{ kind: 'basic', username, password }\`, or \`{ kind: 'bearer', … }\` with a token endpoint of its own:

${table(['Switch', 'Values', 'What it does'], membersOf(auth))}

## Registries people use

\`personalities\` puts quirks together as real registries have them.

${table(['Name', 'Quirks', 'Notes'], personalitiesIn(read('personalities.ts')))}

## Faults

\`registry.fault({ on, nth, times, effect })\`; \`registry.clearFaults()\` forgets those that are still to come.

${table(['Field', 'Values', 'Meaning'], membersOf(read('faults.ts'), 'Fault'))}

Operations: ${operationsIn(read('faults.ts'))}.

| Effect | What happens |
| --- | --- |
${effectsIn(read('faults.ts'))}
`;
}

/** Properties with a comment before them; those of the interface \`name\`, or all there are. */
function membersOf(source, name) {
  const start = name === undefined ? 0 : source.indexOf(`interface ${name} {`);
  const end = name === undefined ? source.length : source.indexOf('\n}', start);
  const members = source
    .slice(start, end)
    .matchAll(/\/\*\*(?<text>(?:(?!\*\/)[^])*)\*\/\s+(?:readonly )?(?<name>\w+)\??: (?<type>[^;]+);/g);
  return [...members].map(({ groups }) => ({
    name: groups.name,
    values: groups.type,
    text: flat(groups.text),
  }));
}

function personalitiesIn(source) {
  const body = source.slice(source.indexOf('= {') + 3, source.lastIndexOf('};'));
  const entries = body.matchAll(/(?:\/\*\* (?<text>[^\n]*) \*\/\s+)?(?<name>\w+): \{(?<quirks>[^}]*)\}/g);
  return [...entries].map(({ groups }) => ({
    name: groups.name,
    values: flat(groups.quirks).replace(/,$/, ''),
    text: groups.text ?? '',
  }));
}

function operationsIn(source) {
  const [, union] = /type Operation =([^;]+);/.exec(source);
  return [...union.matchAll(/'([\w-]+)'/g)].map(([, name]) => `\`${name}\``).join(', ');
}

function effectsIn(source) {
  const union = source.slice(source.indexOf('type FaultEffect ='), source.indexOf('/** Faults yet to come'));
  const effects = union.matchAll(/\/\*\* (?<text>(?:(?!\*\/).)*) \*\/\s+\| \{(?<fields>[^}]*)\}/gs);
  return [...effects]
    .map(({ groups }) => {
      const fields = [...groups.fields.matchAll(/readonly (\w+\??): ([^;]+)/g)];
      const shown = fields.map(([, field, type]) => `${field}: ${type.trim()}`).join(', ');
      return `| ${code(`{ ${shown} }`)} | ${cell(groups.text)} |`;
    })
    .join('\n');
}

function table(heads, rows) {
  const line = ({ name, values, text }) => `| ${code(name)} | ${code(values)} | ${cell(text)} |`;
  return [`| ${heads.join(' | ')} |`, '| --- | --- | --- |', ...rows.map(line)].join('\n');
}

function code(text) {
  const fence = text.includes('`') ? '``' : '`';
  return `${fence}${fence === '``' ? ' ' : ''}${cell(text)}${fence === '``' ? ' ' : ''}${fence}`;
}

function cell(text) {
  return flat(text).replaceAll('|', '\\|');
}

/** A comment's text without its stars, on one line. */
function flat(text) {
  return text
    .replace(/\n\s*\*(?!\/)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
