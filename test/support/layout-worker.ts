/** A process that puts images into a layout, one after the other: `layout-worker.js DIRECTORY TAG…`. */
import { openLayout } from '../../src/stores/layout/layout-store.ts';
import { putSmallImage } from './small-image.ts';

const [directory, ...tags] = process.argv.slice(2);
for (const tag of tags) await putSmallImage(await openLayout(directory!, { create: true }), tag, tag);
