// The command line in few files: to find and load 200 files takes Node longer than all else that an unchanged push does.
// They are CommonJS, as Node's loader of ES modules takes 5 ms before the first of them. What is loaded late stays in files
// of its own.
import { readFileSync } from 'node:fs';

/** What each push needs before it looks at the registry, and to do so; with all that these import. */
const UNCHANGED_PUSH = [
  'cli/lazy-verbs',
  'cli/output/push-report',
  'cli/output/push-systems-report',
  'cli/output/report-destinations',
  'cli/progress/open-progress',
  'stores/registry-address',
  'stores/registry/registry-store',
  'stores/registry/undici',
  'verbs/push',
  'verbs/registry-access',
  'verbs/registry-client',
];

const compiled = (name) => `./dist/${name}.js`;
const among = (names) => new RegExp(`/dist/(${names.join('|')})\\.js$`);

/** The program is told its version; the library reads it from the package. */
const ownVersion = {
  name: 'own-version',
  load(id) {
    if (!among(['base/version']).test(id)) return null;
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    return `export const version = () => ${JSON.stringify(version)};`;
  },
};

/** What undici loads in rare cases stays where it is: bodies made for fetch, a parser for processors without SIMD. */
const lateUndici = {
  name: 'late-undici',
  resolveId(source) {
    if (!/^\.\.\/(web\/fetch\/body|llhttp\/llhttp-wasm)\.js$/.test(source)) return null;
    return { id: source.replace('..', 'undici/lib'), external: true };
  },
};

/**
 * What a push needs is run by src/cli/compiled-code.ts, which wants a function in ASCII, and nothing in it that is imported
 * late: V8 of Node 20 forgets what that needs in code that is kept compiled.
 */
const compiledCode = {
  name: 'compiled-code',
  generateBundle(_options, bundle) {
    const push = bundle['push.cjs'];
    const required = push.code.replaceAll(/\bawait import\(("node:\w+")\)/g, 'require($1)');
    if (/\b(await|return) import\(/.test(required)) throw new Error('push.cjs imports a package late');
    const ascii = required.replaceAll(
      /[^\0-\x7f]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    const source = `(function (exports, require, module, __filename) {${ascii}\n})`;
    this.emitFile({ type: 'asset', fileName: 'push-code.cjs', source });
    push.code = `require('./compiled-code.cjs').runCompiled(require.resolve('./push-code.cjs'), module, require);\n`;
  },
};

const common = {
  platform: 'node',
  // undici is taken in, but for its index; and what is an ES module and no more, as not every Node can require it.
  external: /^(?!undici\/|p-limit|yocto-queue)[@a-z]/,
};

const program = {
  ...common,
  input: { main: compiled('cli/main'), 'compiled-code': compiled('cli/compiled-code') },
  preserveEntrySignatures: 'allow-extension',
  // No transport speaks HTTP/2, and to load that takes Node 4 ms.
  resolve: { alias: { './client-h2.js': false } },
  plugins: [ownVersion, lateUndici, compiledCode],
  output: {
    dir: 'dist/program',
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    codeSplitting: {
      groups: [
        { name: 'main', test: among(['cli/main', 'base/version']), priority: 3 },
        { name: 'compiled-code', test: among(['cli/compiled-code']), priority: 2 },
        { name: 'push', test: among(UNCHANGED_PUSH), priority: 1 },
      ],
    },
  },
};

/** Looked for beside the file that starts it, under its name. */
const worker = {
  ...common,
  input: { worker: compiled('layers/engine/worker') },
  output: { dir: 'dist/program', chunkFileNames: 'worker-[name].js' },
};

export default [program, worker];
