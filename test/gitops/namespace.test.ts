import { describe, expect, test } from 'vitest';
import { helmTemplate } from './helm.ts';
import { config, find, nameOf, namespaced, overlaid, rendered, withoutPlace } from './manifests.ts';
import type { Manifest } from './manifests.ts';

const image = 'registry.example/of/mine/nftproxy:1.2.3';
const elsewhere = overlaid('default', {
  namespace: 'elsewhere',
  images: [{ name: 'nftproxy', newName: 'registry.example/of/mine/nftproxy', newTag: '1.2.3' }],
});
const shipped = rendered(`${config}/default`);

interface Subject {
  readonly kind: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly serviceAccount?: { readonly name: string; readonly namespace: string };
}

/** Whom bindings and flow schemas are about. */
function subjectsOf(object: Manifest): Subject[] {
  const { subjects, spec } = object as { subjects?: Subject[]; spec?: { rules?: { subjects: Subject[] }[] } };
  return subjects ?? (object.kind === 'FlowSchema' ? (spec?.rules ?? []) : []).flatMap((rule) => rule.subjects);
}

describe('an overlay with another namespace and image', () => {
  test('says the namespace of config/default nowhere any more', () => {
    expect(JSON.stringify(shipped)).toContain('nftproxy-system');
    expect(JSON.stringify(elsewhere)).not.toContain('nftproxy-system');
  });

  test('has all that lives in a namespace in that one, and makes it', () => {
    const inside = elsewhere.filter(({ kind }) => namespaced.includes(kind));
    expect(inside.length).toBeGreaterThan(6);
    for (const object of inside)
      expect([nameOf(object), object.metadata.namespace]).toEqual([nameOf(object), 'elsewhere']);
    expect(elsewhere.filter(({ kind }) => kind === 'Namespace').map(nameOf)).toEqual(['Namespace/elsewhere']);
  });

  test('gives rights, and a place at the API server, to the service accounts there', () => {
    const subjects = elsewhere.flatMap(subjectsOf);
    expect(subjects).toHaveLength(7);
    for (const { kind, serviceAccount, name, namespace } of subjects) {
      expect(kind).toBe('ServiceAccount');
      expect(serviceAccount?.namespace ?? namespace).toBe('elsewhere');
      expect(['nftproxy-agent', 'nftproxy-operator']).toContain(serviceAccount?.name ?? name);
    }
  });

  test('names the image once, in the operator’s Deployment; agents run what the operator runs', () => {
    expect(JSON.stringify(elsewhere).split(image)).toHaveLength(2);
    const operator = JSON.stringify(find(elsewhere, 'Deployment/nftproxy-operator'));
    expect(operator).toContain(image);
    expect(operator).not.toMatch(/--image|--namespace/);
  });

  test('holds agents and operator to what is theirs, whatever the namespace', () => {
    const policies = shipped.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy').map(nameOf);
    expect(policies).toHaveLength(4);
    for (const policy of policies) {
      expect(find(elsewhere, policy).spec).toEqual(find(shipped, policy).spec);
    }
  });

  test('differs from what is shipped in nothing else', () => {
    const renamed = JSON.stringify(shipped)
      .replaceAll('nftproxy-system', 'elsewhere')
      .replaceAll('"image":"nftproxy"', `"image":"${image}"`);
    const sorted = (objects: Manifest[]) => objects.map((object) => JSON.stringify(object)).sort();
    const placed = (objects: Manifest[]) => objects.map(withoutPlace);
    expect(sorted(placed(elsewhere))).toEqual(sorted(placed(JSON.parse(renamed) as Manifest[])));
  });
});

describe('an overlay for a namespace of others', () => {
  const shared = overlaid('default', { namespace: 'kube-system', components: ['without-namespace'] });

  test('has no Namespace that a deletion would take with all that is in it, and everything else', () => {
    const all = overlaid('default', { namespace: 'kube-system' });
    expect(all.filter(({ kind }) => kind === 'Namespace').map(nameOf)).toEqual(['Namespace/kube-system']);
    expect(shared).toEqual(all.filter(({ kind }) => kind !== 'Namespace'));
  });
});

test('the chart never has a Namespace', () => {
  const kinds = helmTemplate({ namespace: 'kube-system' }).map(({ kind }) => kind);
  expect(kinds).not.toContain('Namespace');
});

test('config/default begins with the namespace and the CRDs', () => {
  const kinds = shipped.map(({ kind }) => kind);
  expect(kinds.slice(0, 3)).toEqual(['Namespace', 'CustomResourceDefinition', 'CustomResourceDefinition']);
});
