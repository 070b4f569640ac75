import { ValidateBy } from 'class-validator';

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** class-validator: a time in the text of RFC 3339, as API servers take it with `format: date-time`. */
export function IsTime(): PropertyDecorator {
  const validate = (value: unknown): boolean =>
    typeof value === 'string' && rfc3339.test(value) && !Number.isNaN(Date.parse(value));
  const defaultMessage = (): string => 'must be a time such as 2026-11-28T12:00:00Z';
  return ValidateBy({ name: 'isTime', validator: { validate, defaultMessage } });
}
