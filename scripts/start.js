#!/usr/bin/env node
// Pushes the example's closure into an OCI image layout and shows what came out. Needs neither Nix nor a registry.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

process.chdir(join(import.meta.dirname, '..'));
const layout = 'build/demo';
const image = `oci:${layout}:latest`;

/** Runs the real command line, shows the command first, and ends with its exit code if it fails. */
function nixpush(args) {
  console.log(`$ npx nixpush ${args}`);
  const { status } = spawnSync(process.execPath, ['bin/nixpush.js', ...args.split(' ')], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
  console.log();
}

function showTree(directory, indent = '') {
  for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(directory, entry.name);
    const size = entry.isDirectory() ? '' : `${statSync(path).size} bytes`.padStart(12);
    console.log(`${indent}${entry.name}${entry.isDirectory() ? '/' : ` ${size}`}`);
    if (entry.isDirectory()) showTree(path, `${indent}  `);
  }
}

const closure = JSON.parse(readFileSync('examples/closure.json', 'utf8'));
const hello = closure.find(({ path }) => path.includes('-hello-nixpush-1')).path;

rmSync(layout, { recursive: true, force: true });
nixpush(
  `${hello} --store examples/store --closure examples/closure.json --platform linux/amd64 --to ${image}`,
);
nixpush(`inspect ${image}`);
console.log(`The image layout ${layout}:`);
showTree(layout);
const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
console.log(`\nThe manifest's digest is ${manifests[0].digest}: the same on every machine.`);
console.log(
  `To run the image:  skopeo copy oci:${layout}:latest docker-daemon:demo:latest && docker run --rm demo:latest`,
);
