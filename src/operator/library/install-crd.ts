import { setTimeout as sleep } from 'node:timers/promises';
import { operatorFieldManager } from '../../api/index.ts';
import { resourcePath } from '../../kubernetes/index.ts';
import type { ApiClient, ObjectMeta } from '../../kubernetes/index.ts';

/** A CustomResourceDefinition, as far as it is read. */
export interface Crd {
  metadata: ObjectMeta;
  spec: { group: string; names: { kind: string; plural: string }; versions: { name: string }[] };
  status?: { conditions?: { type: string; status: string; message?: string }[] };
}

const patienceSeconds = 30;
const pollMilliseconds = 100;

/**
 * Creates or upgrades a CRD by server-side apply and waits until the API server serves it.
 *
 * @returns the CRD as the server has it then
 * @throws ApiError if the server refuses it; Error with what the server says if it is not served within half a minute
 */
export async function installCrd(client: ApiClient, crd: Crd): Promise<Crd> {
  const { name } = crd.metadata;
  const path = resourcePath({
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    name,
  });
  let seen = await client.apply<Crd>(path, crd, { fieldManager: operatorFieldManager, force: true });
  const deadline = performance.now() + patienceSeconds * 1000;
  while (!isEstablished(seen)) {
    if (performance.now() > deadline) throw new Error(`CRD ${name} is not served: ${complaint(seen)}`);
    await sleep(pollMilliseconds);
    seen = await client.get<Crd>(path);
  }
  return seen;
}

function isEstablished(crd: Crd): boolean {
  return crd.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false;
}

function complaint(crd: Crd): string {
  const wrong = (crd.status?.conditions ?? []).filter(({ status }) => status !== 'True');
  const messages = wrong.map(({ type, message }) => `${type}: ${message ?? 'no message'}`);
  return messages.length > 0 ? messages.join('; ') : 'the API server has not looked at it yet';
}
