/** What one check of the doctor came to. */
export interface Finding {
  /** What was looked for: `resume after a break`. */
  check: string;
  /** `unknown`: it was tried, but the answer fits neither yes nor no. */
  result: 'yes' | 'no' | 'unknown' | 'not tried';
  detail?: string;
}

export function yes(check: string, detail?: string): Finding {
  return finding(check, 'yes', detail);
}

export function no(check: string, detail?: string): Finding {
  return finding(check, 'no', detail);
}

export function unknown(check: string, detail?: string): Finding {
  return finding(check, 'unknown', detail);
}

export function notTried(check: string, detail: string): Finding {
  return finding(check, 'not tried', detail);
}

function finding(check: string, result: Finding['result'], detail: string | undefined): Finding {
  return { check, result, ...(detail !== undefined && { detail }) };
}
