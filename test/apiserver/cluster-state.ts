import type { ServiceAllocator } from './admission/allocator.ts';
import type { Registry } from './resources.ts';
import type { Store } from './store/store.ts';

/** What all parts of one API server share. */
export interface ClusterState {
  store: Store;
  registry: Registry;
  allocator: ServiceAllocator;
}
