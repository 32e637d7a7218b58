import { NixpushError } from '../../base/errors.ts';
import type { RegistryRequest, RegistryResponse } from '../../stores/registry/client.ts';
import type { Repository } from '../../stores/registry/repository.ts';
import { unknown, type Finding } from './finding.ts';

/** A repository under examination. */
export interface Subject extends Repository {
  readonly signal: AbortSignal | undefined;
}

const REDIRECTS = [301, 302, 303, 307, 308];
/** Any answer tells something; redirects are followed first. */
const EVERY_STATUS = Array.from({ length: 400 }, (_, index) => 200 + index).filter(
  (status) => !REDIRECTS.includes(status),
);

export type Question = Pick<RegistryRequest, 'method' | 'path'> & Partial<RegistryRequest>;

/** Asks once and returns whatever is answered; the body is thrown away. Throws only where there is no answer at all. */
export async function ask(subject: Subject, question: Question): Promise<RegistryResponse> {
  const { client, scopes, signal } = subject;
  const response = await client.request({
    scopes,
    what: 'examining it',
    expect: EVERY_STATUS,
    retry: 'never',
    followRedirects: question.method === 'GET' || question.method === 'HEAD',
    ...(signal !== undefined && { signal }),
    ...question,
  });
  await response.body.dump();
  return response;
}

/** The status for the table: `405`. */
export function answered({ status }: RegistryResponse): string {
  return `it answers ${status}`;
}

export function isSuccess({ status }: RegistryResponse): boolean {
  return status >= 200 && status < 300;
}

/** One check; what goes wrong with it is its finding, so that the others are made all the same. */
export async function attempt(
  check: string,
  { signal }: Subject,
  probe: () => Promise<Finding>,
): Promise<Finding> {
  try {
    return await probe();
  } catch (error) {
    return unknown(check, reasonOf(error, signal));
  }
}

/** What went wrong with a check, unless the caller stopped it. */
export function reasonOf(error: unknown, signal: AbortSignal | undefined): string {
  if (signal?.aborted === true || !(error instanceof NixpushError)) throw error;
  return error.message;
}
