import { Touched } from './change.ts';
import type { Change } from './change.ts';
import { Claims, claimsOf } from './claims.ts';
import type { Claim } from './claims.ts';
import type { ChosenEndpoints, Place } from './choose-endpoints.ts';
import { compose, endpointsFor, engineFor } from './compose.ts';
import type { ServicesConfig } from './compose.ts';
import { parseEndpointSlice } from './endpoint-slice.ts';
import type { ParsedSlice } from './endpoint-slice.ts';
import { concerns, conflictsOf, crowdingOf, hasZoneHints, isCrowded, sizeOf } from './entry.ts';
import type { Entry, PortRecord } from './entry.ts';
import { equalLists, reuse } from './equal.ts';
import { portsOf, wantedFrontends } from './frontends.ts';
import type { PortIdentity } from './frontends.ts';
import { equalHealthChecks, healthCheckOf } from './health-check.ts';
import type { HealthCheckNodePort } from './health-check.ts';
import { Interner } from './interner.ts';
import type { EndpointSliceObject, Maybe, NodeObject, ServiceObject } from './objects.ts';
import { ProblemBook } from './problem-book.ts';
import { compact, compareText, items, text } from './read.ts';
import { parseService } from './service.ts';
import type { ParsedService } from './service.ts';
import { admitNode } from './source-ranges.ts';
import type { SourceRanges } from './source-ranges.ts';
import type { Problem, ServicePort } from './types.ts';

/** The label of a Node that says where it is (well-known labels of Kubernetes). */
export const zoneLabel = 'topology.kubernetes.io/zone';

/** How much is being followed. */
export interface ServicesStats {
  /** Services that this proxy serves. */
  readonly services: number;
  /** Ports of these, for each family. */
  readonly servicePorts: number;
  readonly endpointSlices: number;
  /** Endpoints in these slices, usable or not. */
  readonly endpoints: number;
}

/**
 * Services and EndpointSlices in, the forwarding state of this node out, event by event.
 *
 * The result depends only on the last state of every object, not on the order of the events. The cost of an event is
 * that of the Service it belongs to, whatever the number of Services. Objects given are not kept.
 *
 * Long for a file here: what may change each other (claims, endpoints, problems) is in one place, and each of the parts
 * that can stand alone already has a file.
 */
export class ForwardingState {
  #config: ServicesConfig;
  #zone = '';
  #nodeAddresses: readonly string[] = [];
  #endpoints = 0;
  #services = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #slices = new Map<string, ParsedSlice>();
  readonly #ports = new Map<string, PortRecord>();
  readonly #claims = new Claims();
  readonly #problems = new ProblemBook();
  readonly #healthChecks = new Map<string, HealthCheckNodePort>();
  readonly #names = new Interner();

  constructor(config: ServicesConfig) {
    this.#config = config;
  }

  /** Takes another configuration. Costs as much as there is, unless it is equal. */
  setConfig(config: ServicesConfig): Change {
    const old = this.#config;
    this.#config = config;
    const touched = new Touched();
    const equal =
      old.defaultAlgorithm === config.defaultAlgorithm &&
      old.maglevTableSize === config.maglevTableSize &&
      old.engine === config.engine &&
      old.nodeName === config.nodeName;
    if (equal) return this.#changeOf(touched);
    for (const [key, entry] of this.#entries) {
      for (const port of entry.ports) this.#refresh(port, entry, touched);
      this.#refreshProblems(key, entry, touched);
      this.#refreshHealthCheck(key, entry, touched);
    }
    return this.#changeOf(touched);
  }

  /**
   * Takes this agent's Node: its zone decides which hinted endpoints are near, its addresses whether source ranges
   * admit it. undefined if there is no such Node.
   */
  setNode(node: NodeObject | undefined): Change {
    const touched = new Touched();
    this.#setZone(text(node?.labels?.[zoneLabel]), touched);
    this.#setNodeAddresses(items(node?.primaryAddresses), touched);
    return this.#changeOf(touched);
  }

  /**
   * Takes the present state of a Service.
   * @param key `namespace/name`
   * @param object undefined if it is gone
   */
  applyService(key: string, object: Maybe<ServiceObject>): Change {
    const touched = new Touched();
    const entry = this.#entry(key);
    const service = object ? parseService(key, object) : undefined;
    this.#services += Number(service !== undefined) - Number(entry.service !== undefined);
    entry.service = service;
    entry.admitted = this.#admittedTo(service);
    this.#makePorts(key, entry, touched);
    this.#refreshProblems(key, entry, touched);
    this.#refreshHealthCheck(key, entry, touched);
    this.#dropIfEmpty(key, entry);
    return this.#changeOf(touched);
  }

  /**
   * Takes the present state of an EndpointSlice.
   * @param key `namespace/name` of the slice
   * @param object undefined if it is gone
   */
  applyEndpointSlice(key: string, object: Maybe<EndpointSliceObject>): Change {
    const touched = new Touched();
    const before = this.#slices.get(key);
    const now = object ? parseEndpointSlice(key, object, this.#names) : undefined;
    if (now === undefined) this.#slices.delete(key);
    else this.#slices.set(key, now);
    this.#endpoints += sizeOf(now) - sizeOf(before);
    this.#noteProblems('EndpointSlice', key, now?.problems ?? [], touched);
    // Two Services if the label that names the Service changed.
    for (const serviceKey of new Set([before?.serviceKey, now?.serviceKey])) {
      if (serviceKey !== undefined) this.#replaceSlice(serviceKey, before, now, touched);
    }
    return this.#changeOf(touched);
  }

  /** The state of a Service port, by its id. */
  get(id: string): ServicePort | undefined {
    return this.#ports.get(id)?.state;
  }

  /** All Service ports, in no particular order. */
  *values(): Generator<ServicePort, void, undefined> {
    for (const { state } of this.#ports.values()) yield state;
  }

  /** What could not be honoured, of all objects. */
  problems(): Problem[] {
    return this.#problems.all();
  }

  /** Services with a health-check node port, by `namespace/name`. A live view: it follows later events. */
  healthCheckNodePorts(): ReadonlyMap<string, HealthCheckNodePort> {
    return this.#healthChecks;
  }

  get stats(): ServicesStats {
    return {
      services: this.#services,
      servicePorts: this.#ports.size,
      endpointSlices: this.#slices.size,
      endpoints: this.#endpoints,
    };
  }

  get #place(): Place {
    return { nodeName: this.#config.nodeName, zone: this.#zone };
  }

  #entry(key: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { service: undefined, admitted: undefined, slices: [], ports: [], crowded: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  #dropIfEmpty(key: string, entry: Entry): void {
    if (entry.service === undefined && entry.slices.length === 0) this.#entries.delete(key);
  }

  #setZone(zone: string, touched: Touched): void {
    if (zone === this.#zone) return;
    this.#zone = zone;
    for (const [key, entry] of this.#entries) {
      if (!entry.slices.some(hasZoneHints)) continue;
      for (const port of entry.ports) this.#refresh(port, entry, touched);
      this.#refreshCrowding(key, entry, touched);
    }
  }

  #setNodeAddresses(addresses: readonly string[], touched: Touched): void {
    if (equalLists(addresses, this.#nodeAddresses)) return;
    this.#nodeAddresses = addresses;
    for (const [key, entry] of this.#entries) {
      const admitted = this.#admittedTo(entry.service);
      // Both are the Service's own ranges as long as these do not admit the node.
      if (admitted === entry.admitted) continue;
      entry.admitted = admitted;
      this.#makePorts(key, entry, touched);
    }
  }

  #admittedTo(service: ParsedService | undefined): SourceRanges | undefined {
    return service && admitNode(service.sourceRanges, service.loadBalancerIps, this.#nodeAddresses);
  }

  /** Works out the ports of a Service anew, and those that gain or lose an address by it. */
  #makePorts(key: string, entry: Entry, touched: Touched): void {
    const { service, admitted, ports: before } = entry;
    const identities = service === undefined ? [] : portsOf(service);
    const claims = new Map(
      identities.map((identity) => [identity.id, claimsOf(identity, wantedFrontends(identity, admitted))]),
    );
    const affected = this.#claims.replace(
      before.flatMap((port) => port.claims),
      [...claims.values()].flat(),
    );
    for (const { identity, state } of before) {
      touched.ports.set(identity.id, touched.ports.get(identity.id) ?? state);
      this.#ports.delete(identity.id);
    }
    entry.ports = identities.map((identity) => this.#makePort(identity, claims.get(identity.id) ?? [], entry, touched));
    this.#refreshRivals(affected, key, touched);
  }

  /** Takes `before` from the slices of a Service, adds `now` if it is of this Service, and works out the rest. */
  #replaceSlice(
    serviceKey: string,
    before: ParsedSlice | undefined,
    now: ParsedSlice | undefined,
    touched: Touched,
  ): void {
    const entry = this.#entry(serviceKey);
    const slices = entry.slices.filter((slice) => slice !== before);
    if (now?.serviceKey === serviceKey) slices.push(now);
    entry.slices = compact(slices.sort((a, b) => compareText(a.key, b.key)));
    for (const port of entry.ports) {
      if (concerns(before, port.identity) || concerns(now, port.identity)) this.#refresh(port, entry, touched);
    }
    this.#refreshCrowding(serviceKey, entry, touched);
    this.#refreshHealthCheck(serviceKey, entry, touched);
    this.#dropIfEmpty(serviceKey, entry);
  }

  #makePort(identity: PortIdentity, claims: readonly Claim[], entry: Entry, touched: Touched): PortRecord {
    const endpoints = endpointsFor(identity, claims, entry.slices, this.#place);
    const state = this.#compose(identity, claims, endpoints);
    const port = { identity, claims, state: reuse(touched.ports.get(identity.id), state) };
    if (!touched.ports.has(identity.id)) touched.ports.set(identity.id, undefined);
    this.#ports.set(identity.id, port);
    return port;
  }

  /** Works out the endpoints of a Service port anew, and its state. */
  #refresh(port: PortRecord, entry: Entry, touched: Touched): void {
    this.#recompose(port, endpointsFor(port.identity, port.claims, entry.slices, this.#place), touched);
  }

  /** Works out the state of a Service port anew, with these endpoints. */
  #recompose(port: PortRecord, endpoints: ChosenEndpoints, touched: Touched): void {
    const { id } = port.identity;
    if (!touched.ports.has(id)) touched.ports.set(id, port.state);
    port.state = reuse(port.state, this.#compose(port.identity, port.claims, endpoints));
  }

  #compose(identity: PortIdentity, claims: readonly Claim[], endpoints: ChosenEndpoints): ServicePort {
    const held = claims.filter((claim) => this.#claims.holder(claim.slot) === claim);
    return compose(identity, held, endpoints, this.#config);
  }

  /** Service ports of other Services that gained or lost an address, or lost it to somebody else than before. */
  #refreshRivals(ids: ReadonlySet<string>, ownKey: string, touched: Touched): void {
    const keys = new Set<string>();
    for (const id of ids) {
      const port = this.#ports.get(id);
      if (port === undefined || port.identity.service.key === ownKey) continue;
      this.#recompose(port, port.state, touched);
      keys.add(port.identity.service.key);
    }
    for (const key of keys) this.#refreshProblems(key, this.#entry(key), touched);
  }

  #refreshProblems(key: string, entry: Entry, touched: Touched): void {
    const ofPorts = entry.ports.flatMap((port) => [...conflictsOf(port, this.#claims), ...crowdingOf(port)]);
    const ofService = this.#problemsOf(entry.service);
    const problems = ofPorts.length > 0 ? [...ofService, ...ofPorts] : ofService;
    entry.crowded = entry.ports.filter(isCrowded).length;
    this.#noteProblems('Service', key, problems, touched);
  }

  #problemsOf(service: ParsedService | undefined): readonly Problem[] {
    if (!service?.problemWithoutIpvs) return service?.problems ?? [];
    const byIpvs = engineFor(service, this.#config) === 'ipvs';
    return byIpvs ? service.problems : [...service.problems, service.problemWithoutIpvs];
  }

  /** The one Problem that comes and goes with the endpoints. */
  #refreshCrowding(key: string, entry: Entry, touched: Touched): void {
    if (entry.crowded !== entry.ports.filter(isCrowded).length) this.#refreshProblems(key, entry, touched);
  }

  #noteProblems(kind: Problem['object']['kind'], key: string, now: readonly Problem[], touched: Touched): void {
    const { added, removed } = this.#problems.replace(kind, key, now);
    touched.added.push(...added);
    touched.removed.push(...removed);
  }

  #refreshHealthCheck(key: string, { service, slices }: Entry, touched: Touched): void {
    const now = healthCheckOf(service, slices, this.#config.nodeName);
    if (equalHealthChecks(this.#healthChecks.get(key), now)) return;
    touched.healthChecks = true;
    if (now === undefined) this.#healthChecks.delete(key);
    else this.#healthChecks.set(key, now);
  }

  #changeOf(touched: Touched): Change {
    return touched.toChange((id) => this.get(id));
  }
}
