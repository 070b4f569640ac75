import type { Change, ForwardingState } from '../../src/services/index.ts';
import type { Event } from './arbitraries.ts';

/** Tells a forwarding state of one event. */
export function apply(state: ForwardingState, event: Event): Change {
  switch (event.kind) {
    case 'Service':
      return state.applyService(event.key, event.object);
    case 'EndpointSlice':
      return state.applyEndpointSlice(event.key, event.object);
    case 'Node':
      return state.setNode(event.object);
    case 'Config':
      return state.setConfig(event.object);
  }
}
