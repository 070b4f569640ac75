import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

// Which folder of src may import which, as the table in docs/architecture.md says. Left out: "all" rows.
const mayImport = {
  api: [],
  kubernetes: ['api'],
  services: ['api'],
  nftables: [],
  dataplane: ['api', 'services', 'nftables'],
  agent: ['api', 'kubernetes', 'services', 'dataplane', 'nftables'],
  operator: ['api', 'kubernetes'],
};
const folders = [...Object.keys(mayImport), 'cli'];

const zones = Object.entries(mayImport).map(([folder, allowed]) => ({
  target: `./src/${folder}`,
  from: folders.filter((other) => other !== folder && !allowed.includes(other)).map((other) => `./src/${other}`),
  message: `src/${folder} may import only: ${allowed.join(', ') || 'nothing of ours'} (docs/architecture.md)`,
}));

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '.nftproxy/', 'eslint.config.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver': { node: { extensions: ['.ts', '.js'] } },
      'import-x/extensions': ['.ts', '.js'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      complexity: ['error', 10],
      'max-depth': ['error', 3],
      'max-lines': ['error', { max: 350, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-console': 'error',
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      // Nest modules and injectables are classes with decorators and no members of their own.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Bit arithmetic and indexing of typed arrays read better with it; noUncheckedIndexedAccess keeps the rest honest.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    // Tests and command-line tools print; a story told in one test may be long.
    files: ['test/**', 'scripts/**', 'bench/**', 'src/cli/**', '**/*.test.ts'],
    rules: { 'no-console': 'off', 'max-lines': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
