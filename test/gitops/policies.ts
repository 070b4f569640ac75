import { Environment } from '@marcbachmann/cel-js';
import { config, find, rendered } from './manifests.ts';

interface Policy {
  matchConditions: { expression: string }[];
  variables?: { name: string; expression: string }[];
  validations: { expression: string; message: string }[];
}

/** What an expression of a policy can name: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ */
export interface Question {
  readonly object: object;
  /** null: it is created. */
  readonly oldObject: object | null;
  readonly request: object;
}

const shipped = rendered(`${config}/rbac`);
const environment = new Environment({ unlistedVariablesAreDyn: true });

/**
 * What an API server answers that has this policy of config/rbac: the message of the first validation that is not met;
 * undefined if it may be.
 *
 * @throws Error where an expression cannot be evaluated, which an API server takes for a refusal
 */
export function refusalBy(name: string, question: Question): string | undefined {
  const policy = find(shipped, `ValidatingAdmissionPolicy/${name}`).spec as Policy;
  const variables: Record<string, unknown> = {};
  const value = (expression: string): unknown => environment.evaluate(expression, { ...question, variables });
  if (!policy.matchConditions.every(({ expression }) => value(expression) === true)) return undefined;
  for (const { name: variable, expression } of policy.variables ?? []) variables[variable] = value(expression);
  return policy.validations.find(({ expression }) => value(expression) !== true)?.message;
}
