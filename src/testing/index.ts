/** A registry with every quirk and fault, to test clients with: `import { startFaultRegistry } from 'nixpush/testing'`. */
export { FaultRegistry, startFaultRegistry } from './fault-registry.ts';
export type { Fault, FaultEffect, Operation } from './faults.ts';
export type { RegistryAuth, RegistryQuirks } from './quirks.ts';
export type { RecordedRequest } from './exchange.ts';
export type { HeldManifest, HeldRepository, HeldSession } from './content.ts';
export { personalities, type Personality } from './personalities.ts';
