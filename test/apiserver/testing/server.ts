import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { startKubeApiServer } from '../../cluster/index.ts';
import type { ApiServer, ApiServerOptions } from '../index.ts';
import { startApiServer } from '../index.ts';
import type { Json, JsonObject } from '../json.ts';

/** What a command printed, and how it ended. */
export interface Outcome {
  code: number;
  output: string;
  errors: string;
}

/** Runs kubectl with a kubeconfig; never throws for a command that fails. */
export function runKubectl(kubeconfig: string, args: string[], input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile('kubectl', ['--kubeconfig', kubeconfig, ...args], (error, output, errors) => {
      const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
      resolve({ code, output, errors });
    });
    child.stdin?.end(input);
  });
}

/** The manifest of the CRD that the tests use. */
export const gadgetDefinition = fileURLToPath(new URL('../testdata/crd.yaml', import.meta.url));

/** A server under test with kubectl for it. */
export interface Subject {
  kubectl(args: string[], input?: string): Promise<Outcome>;
  stop(): Promise<void>;
}

/** Starts our server in a directory of its own, which goes with it. */
export async function startOurs(o: Partial<ApiServerOptions> = {}): Promise<Subject & { server: ApiServer }> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'nftproxy-apiserver-'));
  const server = await startApiServer({ dataDirectory, ...o });
  return {
    server,
    kubectl: (args, input) => runKubectl(server.kubeconfig, args, input),
    async stop() {
      await server.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

async function startReal(assets: string): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'nftproxy-kube-apiserver-'));
  const control = await startKubeApiServer(assets, folder);
  return {
    kubectl: (args, input) => runKubectl(control.kubeconfig, args, input),
    async stop() {
      await control.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const assets = process.env['KUBEBUILDER_ASSETS'];

/** The servers that the contract is checked against: ours, and the real one where KUBEBUILDER_ASSETS names it. */
export const subjects: [name: string, start: () => Promise<Subject>][] = [
  ['the API server in TypeScript', startOurs],
  ...(assets ? [['kube-apiserver', () => startReal(assets)] as [string, () => Promise<Subject>]] : []),
];

/** Plain HTTP to our server, as anybody or with a token. */
export class Http {
  readonly #agent = new Agent({ connect: { rejectUnauthorized: false } });
  readonly #url: string;
  readonly #token: string | undefined;

  constructor(server: ApiServer, token: string | undefined = server.issueToken('tester', ['system:masters'])) {
    this.#url = server.url;
    this.#token = token;
  }

  async send(
    method: string,
    path: string,
    body?: Json,
    type = 'application/json',
  ): Promise<{ code: number; body: JsonObject }> {
    const response = await request(this.#url + path, this.#options(method, body, type));
    return { code: response.statusCode, body: (await response.body.json()) as JsonObject };
  }

  #options(method: string, body: Json, type: string): NonNullable<Parameters<typeof request>[1]> {
    return {
      method: method,
      dispatcher: this.#agent,
      headers: { 'content-type': type, ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
  }

  /** Reads a watch line by line until enough has come or it ends. */
  async *watch(path: string): AsyncGenerator<{ type: string; object: JsonObject }> {
    const response = await request(this.#url + path, this.#options('GET', undefined, 'application/json'));
    let rest = '';
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as { type: string; object: JsonObject };
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
