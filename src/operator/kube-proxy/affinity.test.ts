import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { affinityPatch, keepsAway, withoutParking, withParking } from './affinity.ts';
import type { Affinity } from './affinity.ts';

const ours = { key: 'nftproxy.io/kube-proxy', operator: 'NotIn', values: ['parked'] };
const linux = { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] };
const fargate = { key: 'eks.amazonaws.com/compute-type', operator: 'NotIn', values: ['fargate'] };
const required = (...nodeSelectorTerms: object[]): Affinity => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
});

const requirement = fc.record({
  key: fc.constantFrom('zone', 'kubernetes.io/os', 'nftproxy.io/kube-proxy'),
  operator: fc.constantFrom('In', 'Exists'),
  values: fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 2 }),
});
const term = fc.record(
  {
    matchExpressions: fc.array(requirement, { minLength: 1, maxLength: 2 }),
    matchFields: fc.array(requirement, { minLength: 1, maxLength: 1 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const nodeAffinity = fc.record(
  {
    requiredDuringSchedulingIgnoredDuringExecution: fc.record(
      { nodeSelectorTerms: fc.array(term, { minLength: 1, maxLength: 3 }) },
      { noNullPrototype: true },
    ),
    preferredDuringSchedulingIgnoredDuringExecution: fc.constant([{ weight: 1, preference: {} }]),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const affinity = fc.option(
  fc.record({ nodeAffinity, podAffinity: fc.constant({}) }, { requiredKeys: ['podAffinity'], noNullPrototype: true }),
  { nil: undefined },
);

describe('the affinity that keeps kube-proxy away from parked nodes', () => {
  test('is one requirement where there is none', () => {
    expect(withParking(undefined)).toEqual(required({ matchExpressions: [ours] }));
    expect(withoutParking(withParking(undefined))).toBeUndefined();
  });

  test('goes into each of the alternatives that are there, and out of each again', () => {
    const before = required({ matchExpressions: [linux] }, { matchExpressions: [fargate], matchFields: [linux] });
    const after = withParking(before);
    expect(after).toEqual(
      required({ matchExpressions: [linux, ours] }, { matchExpressions: [fargate, ours], matchFields: [linux] }),
    );
    expect(withoutParking(after)).toEqual(before);
  });

  test('does not make a term match that matches no node', () => {
    expect(withParking(required({}, { matchExpressions: [linux] }))).toEqual(
      required({}, { matchExpressions: [linux, ours] }),
    );
  });

  test('is mended when somebody has taken it out of some alternatives only', () => {
    const half = required({ matchExpressions: [linux, ours] }, { matchExpressions: [fargate] });
    expect(keepsAway(half)).toBe(false);
    expect(keepsAway(withParking(half))).toBe(true);
  });

  test('whatever affinity there is: it comes back as it was, and putting it in twice changes nothing', () => {
    const odd = (given: Affinity | undefined) =>
      given?.nodeAffinity !== undefined && Object.keys(given.nodeAffinity).length === 0;
    fc.assert(
      fc.property(affinity, (given) => {
        fc.pre(!odd(given));
        const once = withParking(given);
        expect(withParking(once)).toEqual(once);
        expect(withoutParking(once)).toEqual(given);
        const terms = given?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [
          { a: 1 },
        ];
        expect(keepsAway(once)).toBe(terms.some((each) => Object.keys(each).length > 0));
        expect(keepsAway(given)).toBe(false);
      }),
    );
  });

  test('is written as a patch of what it is about alone', () => {
    expect(affinityPatch(undefined)).toBeNull();
    expect(affinityPatch({ podAffinity: {} })).toEqual({ nodeAffinity: null });
    expect(affinityPatch({ podAffinity: {}, ...required({ matchExpressions: [linux] }) })).toEqual(
      required({ matchExpressions: [linux] }),
    );
  });
});
