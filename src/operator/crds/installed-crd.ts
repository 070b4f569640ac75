import { crdVersionAnnotation } from '../../api/index.ts';
import type { KubernetesObject } from '../../kubernetes/index.ts';

/** A CRD as the API server has it, as far as it is judged by. */
export interface InstalledCrd {
  readonly uid: string;
  /** Moves with each change of its spec. */
  readonly generation: number;
  /** Of the schema, by our annotation; 0 without one. */
  readonly version: number;
  /** It is being deleted: when its objects are gone, it goes, and there is nothing to be done before. */
  readonly leaving: boolean;
  /** Its objects are served. */
  readonly established: boolean;
}

interface RawStatus {
  readonly conditions?: readonly { readonly type?: string; readonly status?: string }[];
}

/** Reads a CustomResourceDefinition. */
export function installedCrd(raw: Pick<KubernetesObject, 'metadata'> & { readonly status?: unknown }): InstalledCrd {
  const { uid = '', generation = 0, annotations, deletionTimestamp } = raw.metadata;
  // The schema of the API server is the authority for what is in its own status.
  const conditions = (raw.status as RawStatus | undefined)?.conditions ?? [];
  return {
    uid,
    generation,
    version: versionOf(annotations?.[crdVersionAnnotation]),
    leaving: deletionTimestamp !== undefined,
    established: conditions.some(({ type, status }) => type === 'Established' && status === 'True'),
  };
}

/** A version that is no whole number is nobody's, and as old as none. */
function versionOf(text = ''): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
