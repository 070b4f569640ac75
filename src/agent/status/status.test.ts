import { describe, expect, it } from 'vitest';
import type { AgentState } from './status.ts';
import { statusOf } from './status.ts';

const quiet: AgentState = {
  appliedRevision: '0123456789',
  mode: 'nftables',
  quarantined: [],
  services: 3,
  endpoints: 5,
  elements: 40,
  problems: [],
};
const noon = new Date('2026-01-01T12:00:00Z');
const later = new Date('2026-01-01T13:00:00Z');

function report(state: Partial<AgentState>, now = noon, previous?: ReturnType<typeof statusOf>) {
  return statusOf({ state: { ...quiet, ...state }, previous, now, observedGeneration: 7, agentVersion: '1.2.3' });
}

function conditions(state: Partial<AgentState>): Record<string, string> {
  const all = report(state).conditions ?? [];
  return Object.fromEntries(all.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

describe('the status of a node', () => {
  it('says what the kernel has, in which mode, and since when', () => {
    expect(report({})).toMatchObject({
      observedGeneration: 7,
      appliedRevision: '0123456789',
      mode: 'nftables',
      services: 3,
      endpoints: 5,
      elements: 40,
      agentVersion: '1.2.3',
    });
    expect(conditions({})).toEqual({ Synced: 'True UpToDate', Degraded: 'False AsExpected' });
  });

  it('says whether it has been cleaned up, and why not', () => {
    const cleanup = { config: 'edge', done: false };
    expect(conditions({ cleanup })).toEqual({ Synced: 'Unknown CleaningUp', Degraded: 'False AsExpected' });
    expect(conditions({ cleanup, failure: 'EPERM' })).toEqual({
      Synced: 'False CleanupFailing',
      Degraded: 'True CleanupFailing',
    });
    const done = { cleanup: { ...cleanup, done: true } };
    expect(conditions(done)).toEqual({ Synced: 'True CleanedUp', Degraded: 'False AsExpected' });
    expect(report(done).conditions?.[0]?.message).toContain('no ProxyConfig governs this node, and edge says Cleanup');
  });

  it('says what was found of the node, or only what keeps it from being served; a warning degrades nothing', () => {
    const passed = { name: 'kernel', outcome: 'Passed', what: 'has all' } as const;
    const warning = { name: 'conntrack', outcome: 'Warning', what: 'nearly full', todo: 'Raise it.' } as const;
    const blocking = { name: 'kernel', outcome: 'Blocking', what: 'no maps', todo: 'Use another one.' } as const;
    const fine = { Synced: 'True UpToDate', Degraded: 'False AsExpected' };
    expect(conditions({ preflight: [passed] })).toEqual({ ...fine, Preflight: 'True Passed' });
    expect(conditions({ preflight: [passed, warning] })).toEqual({ ...fine, Preflight: 'True Warnings' });
    const blocked: Partial<AgentState> = { preflight: [warning, blocking], failure: 'nothing is written' };
    expect(conditions(blocked)).toEqual({
      Synced: 'False PreflightBlocking',
      Degraded: 'True PreflightBlocking',
      Preflight: 'False Blocking',
    });
    const messages = report(blocked).conditions?.map(({ message }) => message);
    expect(messages?.at(-1)).toBe('kernel: no maps. Use another one.');
    expect(messages?.[0]).toBe('nothing is written to the kernel: no maps. Use another one.');
  });

  it('has a word of each finding, however many and long they are, in no more room than other conditions', () => {
    const finding = (name: string) => ({ name, outcome: 'Warning', what: 'x'.repeat(300), todo: 'Mend it.' }) as const;
    const { message = '' } = report({ preflight: ['a', 'b', 'c'].map(finding) }).conditions?.at(-1) ?? {};
    expect(message.length).toBeLessThanOrEqual(256);
    expect(message).toMatch(/^a: x+…; b: x+…; c: x+…$/);
  });

  it('names the last good settings while no ProxyConfig governs the node, and what to do', () => {
    expect(conditions({ goesOnWith: 'default' })).toEqual({
      Synced: 'True UpToDate',
      Degraded: 'True NoConfiguration',
    });
    const message = report({ goesOnWith: 'default' }).conditions?.find(({ type }) => type === 'Degraded')?.message;
    expect(message).toMatch(/the last good settings, those of ProxyConfig default, .* Create a ProxyConfig/);
  });

  it('is unknown before the first sync', () => {
    const starting: AgentState = { quarantined: [], services: 0, endpoints: 0, elements: 0, problems: [] };
    const status = statusOf({
      state: starting,
      previous: undefined,
      now: noon,
      observedGeneration: 7,
      agentVersion: '1',
    });
    expect(status.conditions?.map(({ type, status: is }) => [type, is])).toEqual([
      ['Synced', 'Unknown'],
      ['Degraded', 'False'],
    ]);
    expect(status).not.toHaveProperty('appliedRevision');
    expect(status).not.toHaveProperty('mode');
  });

  it('is not in sync while the kernel has another revision than is wanted', () => {
    const state = { desiredRevision: '9876543210' };
    expect(conditions(state)).toEqual({ Synced: 'Unknown Applying', Degraded: 'False AsExpected' });
    expect(conditions({ desiredRevision: '0123456789' })).toMatchObject({ Synced: 'True UpToDate' });
    // Trouble is said in its own words.
    expect(conditions({ ...state, failure: 'ENOMEM' })).toMatchObject({ Synced: 'False SyncFailing' });
  });

  it('is not in sync while syncs fail, and says why', () => {
    expect(conditions({ failure: 'ENOMEM' })).toEqual({ Synced: 'False SyncFailing', Degraded: 'True SyncFailing' });
    expect(report({ failure: 'ENOMEM' }).conditions?.[0]?.message).toBe('ENOMEM');
  });

  it('is not in sync while the kernel refuses its settings, and says what holds meanwhile and what to do', () => {
    const refusedSettings = { config: 'default', error: 'EINVAL '.repeat(100), rolledBack: false };
    const state = { refusedSettings, quarantined: [{ id: 'a', reason: 'b' }] };
    expect(conditions(state)).toEqual({ Synced: 'False SettingsRefused', Degraded: 'True SettingsRefused' });
    expect(report(state).appliedRevision).toBe('0123456789');
    expect(report(state).conditions?.[0]?.message).toMatch(
      /the last good ones stay in force, Services are followed\. Change ProxyConfig default\. The kernel says: EINVAL/,
    );
  });

  it('is not in sync after settings were rolled back, and names what broke and what to change', () => {
    const refusedSettings = { config: 'default', error: 'could not reach default/web', rolledBack: true };
    expect(conditions({ refusedSettings })).toEqual({
      Synced: 'False SettingsRolledBack',
      Degraded: 'True SettingsRolledBack',
    });
    expect(report({ refusedSettings }).conditions?.[0]?.message).toMatch(/default\/web\. Change ProxyConfig default$/);
  });

  it('tells what a node cannot do of its mode from what it cannot do for one Service', () => {
    const own = { id: 'default/web:/tcp/4', reason: 'no scheduler twos', askedBy: 'service' } as const;
    const nodes = { id: 'default/db:/tcp/4', reason: 'no IPVS', askedBy: 'node' } as const;
    expect(conditions({ fallbacks: [own] })).toEqual({ Synced: 'True UpToDate', Degraded: 'True FallenBackToSlots' });
    expect(conditions({ fallbacks: [own, nodes] })).toEqual({
      Synced: 'True UpToDate',
      Degraded: 'True ModeUnavailable',
    });
    expect(report({ fallbacks: [own, nodes] }).conditions?.[1]?.message).toBe(
      '2 Service ports are served by slots, not as asked for, first default/db:/tcp/4: no IPVS',
    );
  });

  it('tells a proxy that may be starting from what somebody has to mend, which comes first', () => {
    const awaited = { id: 'default/web:/tcp/4', reason: 'no HAProxy', askedBy: 'node', awaited: true } as const;
    const missing = { id: 'default/db:/tcp/4', reason: 'no section', askedBy: 'node' } as const;
    const own = { ...awaited, askedBy: 'service' } as const;
    expect(conditions({ fallbacks: [own, awaited] })['Degraded']).toBe('True WaitingForProxy');
    expect(conditions({ fallbacks: [awaited, missing] })['Degraded']).toBe('True ModeUnavailable');
    expect(conditions({ fallbacks: [own] })['Degraded']).toBe('True FallenBackToSlots');
  });

  it('says what is lost behind a proxy, which degrades nothing and is not said where nothing goes through one', () => {
    const proxied = { count: 3, first: 'default/web:http/tcp/4' };
    expect(conditions({ proxied })).toEqual({
      Synced: 'True UpToDate',
      Degraded: 'False AsExpected',
      ClientAddressesHidden: 'True ServedByProxy',
    });
    expect(report({ proxied }).conditions?.[2]?.message).toMatch(
      /^3 Service ports go through the proxy, first default\/web:http\/tcp\/4: .*NetworkPolicies by client do not hold/,
    );
    expect(conditions({})).not.toHaveProperty('ClientAddressesHidden');
  });

  it('says whether established connections take the fast path, where that is asked for, and degrades nothing', () => {
    expect(conditions({ fastPath: { devices: 12 } })).toEqual({
      Synced: 'True UpToDate',
      Degraded: 'False AsExpected',
      FastPath: 'True InForce',
    });
    const lacking = { fastPath: { missing: 'this kernel has no flowtables (module nf_flow_table_inet)' } };
    expect(conditions(lacking)).toMatchObject({ Degraded: 'False AsExpected', FastPath: 'False KernelLacksIt' });
    expect(report(lacking).conditions?.[2]?.message).toMatch(/^this kernel has no flowtables .*; all packets pass all/);
    expect(conditions({ fastPath: { lacking: 'iptables' } })).toMatchObject({ FastPath: 'False ModeLacksIt' });
    expect(conditions({})).not.toHaveProperty('FastPath');
  });

  it('counts Service ports by who chooses for them, where it is not slots for all', () => {
    const fallbacks = [{ id: 'default/web:/tcp/4', reason: 'no IPVS', askedBy: 'node' }] as const;
    expect(report({ servedBy: { nftables: 4, ipvs: 0 } }).servedBy).toBeUndefined();
    const servedBy = { nftables: 4, ipvs: 3 };
    expect(report({ servedBy, fallbacks }).servedBy).toEqual({ ...servedBy, fallenBack: 1 });
    const proxied = { nftables: 4, ipvs: 0, userspace: 1 };
    expect(report({ servedBy: proxied }).servedBy).toEqual({ ...proxied, fallenBack: 0 });
    const byRules = { nftables: 0, ipvs: 0, iptables: 4 };
    expect(report({ servedBy: { iptables: 4 }, fallbacks }).servedBy).toEqual({ ...byRules, fallenBack: 1 });
  });

  it('names a Service port that the kernel refuses, and how many there are', () => {
    const quarantined = [
      { id: 'default/web:/tcp/4', reason: 'EINVAL' },
      { id: 'default/db:/tcp/4', reason: 'EINVAL' },
    ];
    expect(conditions({ quarantined })).toEqual({ Synced: 'True UpToDate', Degraded: 'True ServicePortsRefused' });
    expect(report({ quarantined }).conditions?.[1]?.message).toBe(
      'the kernel refuses 2 Service ports, first default/web:/tcp/4: EINVAL',
    );
  });

  it('names an address of its own that it cannot serve, and what to do; Services are no worse for that', () => {
    const unserved = ['cannot serve health on 192.0.2.1:10256: this node has no such address (EADDRNOTAVAIL)'];
    expect(conditions({ unserved })).toEqual({ Synced: 'True UpToDate', Degraded: 'True CannotListen' });
    expect(report({ unserved }).conditions?.[1]?.message).toBe(
      `${unserved[0]}. Free the address or choose another one in spec.agent of the ProxyConfig; mend the certificate if it is that`,
    );
  });

  it('names the first problem in users’ objects and says where the others are', () => {
    const problem = (name: string) => ({
      object: { kind: 'Service' as const, namespace: 'default', name },
      ...{ reason: 'UnknownAlgorithm', message: `there is no algorithm fastest` },
    });
    expect(report({ problems: [problem('web')] }).conditions?.[1]?.message).toBe(
      'Service default/web: UnknownAlgorithm: there is no algorithm fastest',
    );
    expect(report({ problems: [problem('web'), problem('db')] }).conditions?.[1]?.message).toBe(
      'Service default/web: UnknownAlgorithm: there is no algorithm fastest (and 1 more; see Events)',
    );
  });

  it('moves a transition time only when the condition does', () => {
    const first = report({});
    expect(report({}, later, first).conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([
      '2026-01-01T12:00:00Z',
      '2026-01-01T12:00:00Z',
    ]);
    expect(
      report({ quarantined: [{ id: 'a', reason: 'b' }] }, later, first).conditions?.map((c) => c.lastTransitionTime),
    ).toEqual(['2026-01-01T12:00:00Z', '2026-01-01T13:00:00Z']);
  });

  it('stays small, however long a message is', () => {
    const message = report({ failure: 'x'.repeat(5000) }).conditions?.[0]?.message ?? '';
    expect(message.length).toBe(256);
  });

  it('says when it last said something else, whatever counts and words do meanwhile', () => {
    const first = report({});
    expect(first.lastChangeTime).toBe('2026-01-01T12:00:00Z');
    const busier = report({ services: 4, endpoints: 9 }, later, first);
    expect(busier.lastChangeTime).toBe('2026-01-01T12:00:00Z');
    expect(report({ appliedRevision: '9876543210' }, later, first).lastChangeTime).toBe('2026-01-01T13:00:00Z');
    expect(report({ failure: 'ENOMEM' }, later, first).lastChangeTime).toBe('2026-01-01T13:00:00Z');
    // Also for an agent that takes over from a version without it.
    const older = { appliedRevision: '0123456789', conditions: first.conditions ?? [] };
    expect(report({}, later, older).lastChangeTime).toBe('2026-01-01T13:00:00Z');
  });

  it('says in a condition of its own which conntrack settings could not be made; the node works all the same', () => {
    expect(conditions({ conntrack: [] })).toMatchObject({ ConntrackConfigured: 'True AsConfigured' });
    const failed = [
      'cannot set net.netfilter.nf_conntrack_max to 131072: by hand: sysctl -w x=1',
      'cannot set another',
    ];
    expect(conditions({ conntrack: failed })).toEqual({
      Synced: 'True UpToDate',
      Degraded: 'False AsExpected',
      ConntrackConfigured: 'False SettingsFailed',
    });
    expect(report({ conntrack: failed }).conditions?.[2]?.message).toBe(
      `${failed[0]} (and 1 more settings; see the log of the agent)`,
    );
    // Nothing is said before the first attempt.
    expect(conditions({})).not.toHaveProperty('ConntrackConfigured');
  });

  it('counts the objects that have problems, each once', () => {
    const problem = (name: string, reason: string) => ({
      object: { kind: 'Service' as const, namespace: 'default', name },
      ...{ reason: reason as 'InvalidPort', message: 'wrong' },
    });
    const problems = [problem('web', 'InvalidPort'), problem('web', 'InvalidValue'), problem('db', 'InvalidPort')];
    expect(report({ problems }).objectsWithProblems).toBe(2);
    expect(report({}).objectsWithProblems).toBe(0);
  });
});
