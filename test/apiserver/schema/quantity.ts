const exponents: Partial<Record<string, string>> = {
  '': 'e0',
  n: 'e-9',
  u: 'e-6',
  m: 'e-3',
  k: 'e3',
  M: 'e6',
  G: 'e9',
  T: 'e12',
};
const powers: Partial<Record<string, number>> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5 };

/** What a Kubernetes quantity amounts to, for CEL; NaN for text that is none. */
export function amountOf(text: string): number {
  const [, digits, unit = ''] = /^([+-]?[0-9]+(?:[.][0-9]*)?)([a-zA-Z]*)$/.exec(text) ?? [];
  const [exponent, power] = [exponents[unit], powers[unit]];
  if (digits === undefined || (exponent === undefined && power === undefined)) return Number.NaN;
  return power === undefined ? Number(`${digits}${exponent}`) : Number(digits) * 1024 ** power;
}
