import { describe, expect, it } from 'vitest';
import type { EngineTargetState } from '../dataplane/index.ts';
import type { ServicePort } from '../services/index.ts';
import { servedByIpvs, virtualServersText } from './ipvs-text.ts';

const web: ServicePort = {
  ...{ id: 'shop/web:http/tcp/4', namespace: 'shop', name: 'web', portName: 'http', protocol: 'tcp', family: 4 },
  frontends: [
    { kind: 'ClusterIP', address: '10.96.0.7', port: 80, policy: 'Cluster' },
    { kind: 'NodePort', port: 30080, policy: 'Local' },
  ],
  ...{ clusterEndpoints: [], localEndpoints: [], otherServingEndpoints: [], hasAnyEndpoints: true },
  algorithm: 'random',
};
const endpoint = (last: number, active: number) => ({
  ...{ address: `10.244.0.${last}`, port: 8080, weight: 2, active, inactive: 40 },
});
const ofAll: EngineTargetState = {
  ...{ engine: 'IPVS', protocol: 'tcp', target: { address: '169.254.77.3', port: 4711 }, scope: 'cluster' },
  frontends: [{ family: 4, protocol: 'tcp', address: '10.96.0.7', port: 80 }],
  serving: { scheduler: 'wlc', endpoints: [endpoint(1, 3), endpoint(2, 0)] },
};
const ofThisNode: EngineTargetState = {
  ...ofAll,
  ...{ target: { address: '169.254.77.4', port: 4712 }, scope: 'local' },
  frontends: [{ family: 4, protocol: 'tcp', port: 30080 }],
  serving: { scheduler: 'wlc', endpoints: [endpoint(1, 1)] },
};
const lost: EngineTargetState = {
  ...{ engine: 'IPVS', protocol: 'udp', target: { address: 'fd6e:6674:7078:4d::9', port: 53 }, scope: 'cluster' },
  frontends: [{ family: 6, protocol: 'udp', address: 'fd00:10:96::a', port: 53 }],
};

describe('virtual servers for people', () => {
  it('have the names of their Services, an endpoint a line, and what only takes connections of this node is told', () => {
    expect(virtualServersText(servedByIpvs([ofThisNode, ofAll], [web]))).toBe(
      [
        'SERVICE PORT   PROTOCOL  ENDPOINTS     SCHEDULER  VIRTUAL SERVER     ENDPOINT         WEIGHT  ACTIVE  INACTIVE',
        'shop/web:http  tcp       all           wlc        169.254.77.3:4711  10.244.0.1:8080  2       3       40',
        '                                                                     10.244.0.2:8080  2       0       40',
        'shop/web:http  tcp       of this node  wlc        169.254.77.4:4712  10.244.0.1:8080  2       1       40',
        '',
      ].join('\n'),
    );
  });

  it('are told by their addresses where the agent does not say whose they are, and one that is missing is seen', () => {
    const [line] = virtualServersText(servedByIpvs([lost], []))
      .split('\n')
      .slice(1);
    expect(line).toMatch(/^\[fd00:10:96::a\]:53 +udp +all +- +\[fd6e:6674:7078:4d::9\]:53 +none: dropped until/);
    expect(virtualServersText([])).toBe('IPVS serves no Service here\n');
  });

  it('and for programs with the same names', () => {
    expect(servedByIpvs([ofAll], [web])[0]).toEqual({ service: 'shop/web', port: 'http', ...ofAll });
  });
});
