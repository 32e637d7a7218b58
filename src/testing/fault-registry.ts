import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AuthGate } from './auth-gate.ts';
import { getBlob, headBlob } from './blob-routes.ts';
import { RegistryContent, type HeldRepository } from './content.ts';
import { ConnectionCut, Exchange, type RecordedRequest } from './exchange.ts';
import { FaultPlan, type Fault } from './faults.ts';
import { deleteManifest, getManifest, putManifest } from './manifest-routes.ts';
import { spendPull } from './pull-budget.ts';
import type { RegistryQuirks } from './quirks.ts';
import { listReferrers } from './referrer-routes.ts';
import { routeOf, type Route } from './route.ts';
import { listTags } from './tag-routes.ts';
import type { UploadCall } from './upload-call.ts';
import {
  appendToUpload,
  cancelUpload,
  finishUpload,
  mountBlob,
  startUpload,
  uploadStatus,
} from './upload-routes.ts';

/**
 * A registry for tests of clients, in memory, on 127.0.0.1: honest unless told otherwise. `quirks` are lasting
 * behaviours of real registries, faults are single mishaps; every request is recorded.
 *
 *     const registry = await startFaultRegistry({ patchStatus: 204 });
 *     registry.fault({ on: 'upload-patch', effect: { kind: 'reset', afterBytes: 1000 } });
 *     …push to registry.host…
 *     assert.deepEqual(registry.dialogue(), ['POST 202', 'PATCH 0', …]);
 *     await registry.stop();
 */
export class FaultRegistry {
  /** May be changed between requests. */
  quirks: RegistryQuirks;
  /** All requests so far. */
  readonly requests: RecordedRequest[] = [];
  readonly #content = new RegistryContent();
  readonly #faults = new FaultPlan();
  readonly #auth = new AuthGate();
  readonly #server: Server;
  #isReceiving = false;

  constructor(quirks: RegistryQuirks) {
    this.quirks = quirks;
    this.#server = createServer(
      { requestTimeout: 0 },
      (request, response) => void this.#serve(request, response),
    );
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Adds a fault to those that will happen. */
  fault(fault: Fault): void {
    this.#faults.add(fault);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  /** What a repository holds; may be changed to set a scene. */
  repository(name: string): HeldRepository {
    return this.#content.repository(name);
  }

  /** Method and status of each request in order, as `PATCH 202`; 0 where the connection was cut. */
  dialogue(): string[] {
    return this.requests
      .filter(({ operation }) => operation !== 'ping' && operation !== 'token')
      .map(({ method, status }) => `${method} ${status}`);
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? this.host}`);
    const route = routeOf(request.method ?? 'GET', url);
    const record: RecordedRequest = {
      operation: route.operation,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: request.headers,
      status: 0,
      bytes: 0,
    };
    this.requests.push(record);
    const effect = this.#faults.next(route.operation);
    const exchange = new Exchange(request, response, url, record, effect);
    exchange.duplicateLength = this.quirks.duplicateLength;
    response.on('error', () => undefined);
    try {
      await this.#answer(exchange, route);
    } catch (error) {
      if (!(error instanceof ConnectionCut)) throw error;
    }
  }

  async #answer(exchange: Exchange, route: Route): Promise<void> {
    const { effect } = exchange;
    if (effect?.kind === 'answer') {
      const { status, code = 'UNKNOWN', headers = {}, body } = effect;
      if (body === undefined) exchange.refuse(status, code, code, headers);
      else exchange.answer(status, headers, body);
      return;
    }
    if (effect?.kind === 'hold') await effect.until;
    if (this.quirks.server !== undefined) exchange.response.setHeader('server', this.quirks.server);
    if (this.quirks.cookieTrap === true) {
      if (exchange.header('cookie') !== undefined) {
        exchange.refuse(403, 'FORBIDDEN', 'CSRF token not found');
        return;
      }
      exchange.response.setHeader('set-cookie', 'sid=1; Path=/');
    }
    if (route.operation === 'token') this.#auth.issue(exchange, this.quirks.auth);
    else if (this.#auth.admits(exchange, this.quirks.auth, route.repository))
      await this.#actAlone(exchange, route);
  }

  /** Bodies of blobs one at a time, where more are refused. */
  async #actAlone(exchange: Exchange, route: Route): Promise<void> {
    const hasBody =
      route.operation === 'upload-patch' || (route.operation === 'upload-put' && exchange.length !== 0);
    if (!hasBody || this.quirks.parallelUploadsRefused !== true) return this.#act(exchange, route);
    if (this.#isReceiving) return exchange.refuse(400, 'BLOB_UPLOAD_INVALID', 'blob upload invalid');
    this.#isReceiving = true;
    try {
      await this.#act(exchange, route);
    } finally {
      this.#isReceiving = false;
    }
  }

  async #act(exchange: Exchange, route: Route): Promise<void> {
    const { quirks } = this;
    const repository = this.#content.repository(route.repository);
    const call: UploadCall = {
      exchange,
      content: this.#content,
      repositoryName: route.repository,
      repository,
      session: route.name,
      quirks,
    };
    switch (route.operation) {
      case 'ping':
        return exchange.answer(200, { 'docker-distribution-api-version': 'registry/2.0' }, '{}');
      case 'blob-head':
        return headBlob(exchange, repository, route.name, quirks);
      case 'blob-get':
        return getBlob(exchange, repository, route.name, quirks);
      case 'upload-start':
        return startUpload(call);
      case 'upload-mount':
        return mountBlob(call);
      case 'upload-patch':
        return appendToUpload(call);
      case 'upload-put':
        return finishUpload(call);
      case 'upload-status':
        return uploadStatus(call);
      case 'upload-delete':
        return cancelUpload(call);
      case 'manifest-head':
      case 'manifest-get':
        if (quirks.pulls !== undefined && !spendPull(exchange, this.requests, quirks.pulls)) return;
        return getManifest(exchange, repository, route.name, quirks);
      case 'manifest-put':
        return putManifest(exchange, repository, route.name, quirks);
      case 'manifest-delete':
        return deleteManifest(exchange, repository, route.name, quirks);
      case 'referrers':
        return listReferrers(exchange, repository, route.name, quirks);
      case 'tags':
        return listTags(exchange, route.repository, repository, quirks);
      case 'token':
      case 'other':
        return exchange.refuse(404, 'UNSUPPORTED');
    }
  }
}

/** Starts a registry on a free port. */
export async function startFaultRegistry(quirks: RegistryQuirks = {}): Promise<FaultRegistry> {
  const registry = new FaultRegistry(quirks);
  await registry.start();
  return registry;
}
