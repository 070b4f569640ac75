import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultsOf, grantedRights, loggedRequests } from '../../scripts/test/rights.ts';
import type { Request, Right } from '../../scripts/test/rights.ts';
import { RequestLog } from '../apiserver/index.ts';

const account = 'nftproxy-agent';
const right = (verb: string, resource: string, names: string[] = []): Right => ({
  ...{ account, verb, group: '', resource, names },
});
const request = (verb: string, resource: string, more: Partial<Request> = {}): Request => ({
  ...{ account, verb, group: '', resource, name: '', allowed: true, ...more },
});

describe('the rights of operator and agents, held against what they asked for', () => {
  it('fit when each was used', () => {
    expect(faultsOf([right('list', 'nodes')], [request('list', 'nodes')])).toEqual([]);
  });

  it('do not when one was used by nobody, by somebody else, or for other objects', () => {
    const never = ['nftproxy-agent may get nodes and never did: take it out of config/rbac'];
    expect(faultsOf([right('get', 'nodes')], [])).toEqual(never);
    expect(faultsOf([right('get', 'nodes')], [request('get', 'nodes', { account: 'nftproxy-operator' })])).toEqual(
      never,
    );
    expect(faultsOf([right('get', 'nodes', ['a'])], [request('get', 'nodes', { name: 'b' })])).toEqual(never);
  });

  it('do not when more was asked for; what is refused while they are applied or deleted is no fault', () => {
    const refused = request('list', 'secrets', { allowed: false });
    expect(faultsOf([], [refused, refused])).toEqual(['nftproxy-agent wanted to list secrets and may not']);
    expect(faultsOf([right('list', 'nodes')], [request('list', 'nodes', { allowed: false })])).toEqual([]);
  });

  it('are read from the manifests, and requests from the logs of API servers, each kind once', () => {
    expect(grantedRights()).toContainEqual({
      ...{ account: 'nftproxy-operator', verb: 'delete', group: '', resource: 'pods', names: [] },
    });
    const folder = mkdtempSync(join(tmpdir(), 'nftproxy-requests-'));
    try {
      const log = new RequestLog(folder);
      const user = { name: 'system:serviceaccount:anywhere:nftproxy-agent', groups: [], extra: {} };
      const asked = { verb: 'patch', group: 'nftproxy.io', resource: 'proxynodestates/status', name: 'node-1' };
      log.note(user, asked, true);
      log.note(user, asked, true);
      log.note({ ...user, name: 'kubernetes-admin' }, asked, true);
      expect(loggedRequests(folder)).toEqual([{ account, ...asked, allowed: true }]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
