/** Starts the command line that was compiled together with the tests; `bin/nixpush.js` starts the published one. */
import { main } from '../../src/cli/main.ts';

await main();
