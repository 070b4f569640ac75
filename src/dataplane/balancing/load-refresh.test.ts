import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint, Frontend, ServicePort } from '../../services/index.ts';
import { loadUnit } from '../data-plane.ts';
import type { LoadWeights } from '../data-plane.ts';
import { mostSlotsPerRefresh, refreshWeights } from './load-refresh.ts';
import type { FollowedPort } from './load-refresh.ts';
import { evenOut, loadWeights } from './load-weights.ts';
import { slotsOf } from './port-slots.ts';
import { endpointName } from './slots.ts';

const endpointsOf = (count: number): Endpoint[] =>
  Array.from({ length: count }, (_, number) => ({
    ...{ address: `10.0.${number >> 8}.${number & 255}`, port: 80, local: false, weight: 1 },
  }));

const clusterIP: Frontend = { kind: 'ClusterIP', address: '10.96.0.1', port: 80, policy: 'Cluster' };
const nodePort: Frontend = { kind: 'NodePort', port: 30080, policy: 'Cluster' };

function portOf(service: number, endpoints: number, frontends = [clusterIP]): ServicePort {
  return {
    ...{ id: `default/s${service}:/tcp/4`, namespace: 'default', name: `s${service}`, portName: '' },
    ...{ protocol: 'tcp', family: 4, frontends, clusterEndpoints: endpointsOf(endpoints), localEndpoints: [] },
    ...{ otherServingEndpoints: [], hasAnyEndpoints: true, algorithm: 'least-connections' },
  };
}

/** A node whose weights follow a load. */
class Following {
  readonly ports: readonly ServicePort[];
  readonly written = new Map<string, LoadWeights>();
  #looks = 0;

  constructor(ports: readonly ServicePort[]) {
    this.ports = ports;
  }

  /** One look. Tells how many slots of all tables it changed. */
  look(open: (service: ServicePort, endpoint: number) => number, budget?: number): number {
    this.#looks++;
    const followed = this.ports.map((port): FollowedPort => {
      const numbers = new Map(port.clusterEndpoints.map((endpoint, number) => [endpoint, number]));
      const wanted = loadWeights(port.clusterEndpoints, (endpoint) => open(port, numbers.get(endpoint) ?? 0));
      return { port, written: this.written.get(port.id), wanted, thorough: this.#looks % 10 === 0 };
    });
    let slots = 0;
    for (const [id, weights] of refreshWeights(followed, budget)) {
      const port = this.ports.find((one) => one.id === id);
      if (port === undefined) throw new Error(id);
      const [before, after] = [this.written.get(id), weights].map((one) => slotsOf(port, port.clusterEndpoints, one));
      slots += port.frontends.length * (after?.filter((one, slot) => before?.[slot] !== one).length ?? 0);
      this.written.set(id, weights);
    }
    return slots;
  }

  share(service: number, endpoint: number): number {
    const port = this.ports[service];
    const weights = port && this.written.get(port.id);
    const one = port?.clusterEndpoints[endpoint];
    return ((one && weights?.get(endpointName(one))) ?? loadUnit) / loadUnit;
  }
}

const loads = fc.array(fc.array(fc.nat(200), { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 12 });

describe('following the load of many Services', () => {
  it('never changes more slots at once than it may, whatever the load', () => {
    fc.assert(
      fc.property(loads, fc.integer({ min: 0, max: 300 }), fc.boolean(), (open, budget, withNodePort) => {
        const frontends = withNodePort ? [clusterIP, nodePort] : [clusterIP];
        const following = new Following(open.map((one, service) => portOf(service, one.length, frontends)));
        const openAt = (port: ServicePort, endpoint: number) => open[Number(port.name.slice(1))]?.[endpoint] ?? 0;
        for (let look = 0; look < 3; look++) expect(following.look(openAt, budget)).toBeLessThanOrEqual(budget);
      }),
    );
  });

  it('gets everybody there in the end: nothing noticeable is left, and then it writes nothing', () => {
    fc.assert(
      fc.property(loads, (open) => {
        const following = new Following(open.map((one, service) => portOf(service, one.length)));
        const openAt = (port: ServicePort, endpoint: number) => open[Number(port.name.slice(1))]?.[endpoint] ?? 0;
        for (let look = 0; look < 200; look++) following.look(openAt, 200);
        for (const port of following.ports) {
          const wanted = loadWeights(port.clusterEndpoints, (endpoint) =>
            openAt(port, port.clusterEndpoints.indexOf(endpoint)),
          );
          for (const [name, weight] of wanted) {
            const written = following.written.get(port.id)?.get(name) ?? loadUnit;
            expect(Math.max(weight / written, written / weight)).toBeLessThan(1.1);
          }
        }
        expect(following.look(openAt)).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('of 100 Services with 60 endpoints each keeps within 5,000 slots a look, even if all of them change', () => {
    const following = new Following(Array.from({ length: 100 }, (_, service) => portOf(service, 60)));
    for (let look = 0; look < 5; look++) {
      const slots = following.look(({ name }, endpoint) => ((endpoint + look) * 7919 * name.length) % 61);
      expect(slots).toBeGreaterThan(0);
      expect(slots).toBeLessThanOrEqual(mostSlotsPerRefresh);
    }
  });

  it('takes what is the farthest off first, the rest at the next looks', () => {
    const following = new Following([portOf(0, 10), portOf(1, 10), portOf(2, 10)]);
    const open = ({ name }: ServicePort, endpoint: number) =>
      endpoint === 0 ? ({ s0: 12, s1: 200, s2: 25 }[name] ?? 0) : 4;
    following.look(open, 20);
    expect([0, 1, 2].map((service) => following.share(service, 0) < 0.9)).toEqual([false, true, false]);
    for (let look = 0; look < 20; look++) following.look(open, 20);
    expect([0, 1, 2].map((service) => following.share(service, 0) < 0.9)).toEqual([true, true, true]);
  });
});

describe('a load that moves a little', () => {
  it('is not worth the writing: a connection more or less is chance', () => {
    const following = new Following([portOf(0, 10)]);
    for (let look = 0; look < 9; look++) {
      expect(following.look((_, endpoint) => ((endpoint + look) % 2 === 0 ? 1 : 2))).toBe(0);
    }
  });

  it('is written after a while all the same, so that no small error lasts', () => {
    const following = new Following([portOf(0, 10)]);
    const open = (_: ServicePort, endpoint: number) => (endpoint === 0 ? 14 : 10);
    const slots = Array.from({ length: 30 }, () => following.look(open));
    expect(slots.filter((count) => count > 0)).toHaveLength(1);
    expect(slots.slice(0, 9).every((count) => count === 0)).toBe(true);
    expect(following.share(0, 0)).toBeLessThan(0.9);
  });
});

describe('one busy endpoint of a thousand', () => {
  it('gets a quarter of its share, for a few slots of writing', () => {
    const following = new Following([portOf(0, 1000)]);
    const slots = following.look((_, endpoint) => (endpoint === 500 ? 400 : 5));
    expect(following.share(0, 500)).toBe(0.25);
    expect(slots).toBeGreaterThan(0);
    expect(slots).toBeLessThan(60);
    const [port] = following.ports as [ServicePort];
    const table = slotsOf(port, port.clusterEndpoints, following.written.get(port.id));
    expect(table.filter((one) => one === port.clusterEndpoints[500])).toHaveLength(1);
  });
});

describe('the number of open connections', () => {
  it('is evened out as long as it differs by chance, and taken at once when it really changes', () => {
    expect(evenOut(undefined, 7)).toBe(7);
    expect(evenOut(4, 6)).toBe(5);
    expect(evenOut(4, 100)).toBe(100);
    expect(evenOut(100, 0)).toBe(0);
  });
});

describe('weights', () => {
  it('are what shares follow as long as nobody is busier for his weight than another', () => {
    const [light, heavy] = endpointsOf(2).map((one, number) => ({ ...one, weight: number === 0 ? 10 : 30 }));
    if (light === undefined || heavy === undefined) throw new Error('no endpoints');
    const idle = loadWeights([light, heavy], () => 0);
    expect([...idle.values()]).toEqual([loadUnit, loadUnit]);
    const evenly = loadWeights([light, heavy], ({ weight }) => weight * 5);
    expect([...evenly.values()]).toEqual([loadUnit, loadUnit]);
    const port = { ...portOf(0, 0), clusterEndpoints: [light, heavy] };
    const table = slotsOf(port, port.clusterEndpoints, idle);
    expect(table.filter((one) => one === heavy).length / table.length).toBeCloseTo(0.75, 2);
  });
});
