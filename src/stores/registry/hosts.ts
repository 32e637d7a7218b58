import { isIP, BlockList } from 'node:net';

/** The host that answers for a registry's name: Docker Hub is spoken to at another one than it is called. */
export function apiHost(host: string): string {
  return host === 'docker.io' ? 'registry-1.docker.io' : host;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

const INTERNAL = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  INTERNAL.addSubnet(net, prefix);
}
INTERNAL.addAddress('::', 'ipv6');
INTERNAL.addAddress('::1', 'ipv6');
INTERNAL.addSubnet('fc00::', 7, 'ipv6');
INTERNAL.addSubnet('fe80::', 10, 'ipv6');

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16);
LINK_LOCAL.addSubnet('0.0.0.0', 8);
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
LINK_LOCAL.addAddress('::', 'ipv6');

/** `localhost`, its subdomains (RFC 6761) and loopback addresses; `hostname` without a port. */
export function isLoopback(hostname: string): boolean {
  return isLocalName(hostname) || inList(LOOPBACK, hostname);
}

/** This machine itself, or link-local, where clouds keep the secrets of a machine. */
export function isMachineLocal(hostname: string): boolean {
  return isLoopback(hostname) || inList(LINK_LOCAL, hostname);
}

/** An address that is not of the public internet: loopback, private, link-local (cloud metadata among them). */
export function isInternal(hostname: string): boolean {
  return isLocalName(hostname) || inList(INTERNAL, hostname);
}

function isLocalName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost');
}

/** IPv4 in IPv6 (`::ffff:127.0.0.1`) is looked at as IPv4 by BlockList. */
function inList(list: BlockList, hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * The part of a name that one owner registers, by rule of thumb: the last two labels, three below endings like `co.uk`.
 * Addresses and single labels stand for themselves.
 */
export function registrableDomain(hostname: string): string {
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return hostname;
  const labels = hostname.toLowerCase().replace(/\.$/, '').split('.');
  const twoPartEnding = labels.length > 2 && labels.at(-1)!.length === 2 && labels.at(-2)!.length <= 3;
  return labels.slice(twoPartEnding ? -3 : -2).join('.');
}
