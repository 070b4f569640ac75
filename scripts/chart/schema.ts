import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repository } from '../build.ts';

interface Crd {
  spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: Schema } } } }[] };
}

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string', minLength: 1 };
const port: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };

/** An object with these fields and no other. */
function fields(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', additionalProperties: false, properties };
}

/**
 * values.schema.json: `helm` refuses values that the chart does not know, and a ProxyConfig as the CRD's schema does. What
 * that says in CEL the API server says.
 */
export function valuesSchema(): string {
  const file = join(repository, 'crds/nftproxy.io_proxyconfigs.yaml');
  const { spec } = parse(readFileSync(file, 'utf8')) as Crd;
  const [version] = spec.versions;
  if (version === undefined) throw new Error(`${file} has no version`);
  const secrets = { type: 'array', items: fields({ name: text }) };
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...fields({
      image: text,
      imagePullSecrets: secrets,
      operator: fields({
        replicas: { type: 'integer', minimum: 0 },
        httpPort: port,
        resources: { type: 'object' },
        extraArgs: { type: 'array', items: { type: 'string' } },
        apiServer: { type: 'string', pattern: '^(https?://.+)?$' },
      }),
      metrics: fields({ tls: { type: 'boolean' } }),
      kubeProxy: fields({ namespace: text, name: text }),
      proxyConfig: closed(version.schema.openAPIV3Schema.properties.spec),
      // Helm's own, for a chart that is part of another.
      global: { type: 'object' },
    }),
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

/** The CRD's schema without what only an API server reads; fields that it does not have are refused, not dropped. */
function closed(schema: unknown): Schema {
  const known = Object.entries(schema as Schema).filter(
    ([key]) => !key.startsWith('x-kubernetes-') && key !== 'default',
  );
  const result: Record<string, unknown> = Object.fromEntries(known);
  const { properties, items, additionalProperties } = result;
  if (isSchema(properties)) {
    result['properties'] = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, closed(value)]));
    result['additionalProperties'] = false;
  }
  if (isSchema(items)) result['items'] = closed(items);
  if (isSchema(additionalProperties)) result['additionalProperties'] = closed(additionalProperties);
  return result;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}
