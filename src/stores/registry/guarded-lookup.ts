import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isMachineLocal } from './hosts.ts';

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Looks a name up as `dns.lookup` does, but does not connect to this machine or its link: a name may look harmless in
 * a URL and still point there (DNS rebinding).
 */
export function guardedLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, '', 4);
      return;
    }
    const first = addresses[0];
    if (first === undefined || addresses.some(({ address }) => isMachineLocal(address))) {
      const refusal = new Error(`${hostname} leads to this machine itself`);
      callback(Object.assign(refusal, { code: 'ERR_LOCAL_ADDRESS' }), '', 4);
    } else if (options.all === true) {
      callback(null, addresses);
    } else {
      callback(null, first.address, first.family);
    }
  });
}
