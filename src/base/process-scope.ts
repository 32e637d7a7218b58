import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where a process id means something: the host and, on Linux, the PID namespace. */
export function processScope(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Whether there is such a process; only in our own scope the answer means anything. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
