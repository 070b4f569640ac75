import type { ServicePort } from '../../services/index.ts';
import type { Changes, DesiredPort, EngineTarget, Fallback, NodeSettings } from '../data-plane.ts';
import { wantsProxy } from './section-kind.ts';

export const textOf = ({ address, port }: EngineTarget): string => `${address} ${port}`;

export function targetsOf(desired: DesiredPort | undefined): EngineTarget[] {
  return desired?.proxied ? Object.values(desired.via ?? {}) : [];
}

export const askedBy = ({ engine }: ServicePort): Fallback['askedBy'] => (engine === undefined ? 'node' : 'service');

export function bySlots({ port, weights }: DesiredPort): DesiredPort {
  return weights ? { port, weights } : { port };
}

export function anyWants(changes: Changes, node: NodeSettings): boolean {
  return [...changes.values()].some((desired) => desired && wantsProxy(desired.port, node));
}
