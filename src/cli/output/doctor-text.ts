import type { DoctorResult } from '../../verbs/doctor.ts';
import { formatTable } from '../format.ts';
import { safeText } from '../safe-text.ts';

/** What `doctor` prints for people: a line for each check. */
export function doctorText({ host, repository, findings }: DoctorResult): string {
  const rows = findings.map(({ check, result, detail = '' }) => [check, result, detail]);
  const lines = [repository === undefined ? host : `${host}/${repository}`, ...formatTable(rows, new Set())];
  if (repository === undefined) lines.push(`With ${host}/REPO uploads are tried, too.`);
  return `${lines.map((line) => safeText(line.trimEnd())).join('\n')}\n`;
}
