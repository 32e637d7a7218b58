// The command line in few files: to find and load 200 files takes Node longer than all else that an unchanged push does.
// What is loaded late stays in files of its own.

/** What each push needs before it looks at the registry, and to do so; with all that these import. */
const UNCHANGED_PUSH = [
  'cli/lazy-verbs',
  'cli/output/push-report',
  'cli/output/push-systems-report',
  'cli/output/report-destinations',
  'cli/progress/open-progress',
  'stores/registry/registry-store',
  'verbs/push',
  'verbs/registry-client',
];

const compiled = (name) => `./dist/${name}.js`;

export default {
  input: { main: compiled('cli/main'), worker: compiled('layers/engine/worker') },
  external: /^[^./]/,
  output: {
    dir: 'dist/program',
    // worker.js is looked for beside the file that starts it.
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    hoistTransitiveImports: false,
    manualChunks: {
      start: ['cli/main', 'base/version'].map(compiled),
      push: UNCHANGED_PUSH.map(compiled),
    },
  },
};
