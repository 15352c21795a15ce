import tseslint from 'typescript-eslint'

/** Names that reach the outside world; only the shell folders may use them (docs/architecture.md, "deterministic seams"). */
const seams = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Take a Clock from env/.' },
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'Take a Random from env/.' },
  {
    selector: 'CallExpression[callee.name=/^(setTimeout|setInterval|setImmediate|queueMicrotask)$/]',
    message: 'Take a Clock or Scheduler from env/.',
  },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take a Clock from env/.' },
]
const everywhere = [
  {
    selector: "CallExpression[callee.name='invariant'] > TemplateLiteral",
    message: 'A template is put together in every call: a text with %, and the values behind it.',
  },
]
const shellModules = [
  'node:fs',
  'node:fs/promises',
  'node:net',
  'node:tls',
  'node:http',
  'node:http2',
  'node:child_process',
]

export default tseslint.config(
  { ignores: ['dist/**', 'dist-test/**', 'node_modules/**', '.reference/**', 'src/proto/generated/**'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.strict],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json', './test/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-restricted-syntax': ['error', ...everywhere],
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: [
      'src/host/**',
      'src/storage/**',
      'src/transport/**',
      'src/peer/**',
      'src/http/**',
      'src/main.ts',
      'src/**/*.test.ts',
    ],
    rules: {
      'no-restricted-syntax': ['error', ...everywhere, ...seams],
      'no-restricted-imports': [
        'error',
        { paths: shellModules.map((name) => ({ name, message: 'Only shell folders touch the outside world.' })) },
      ],
    },
  },
  {
    files: ['src/**/*.test.ts', 'test/**/*.ts'],
    rules: {
      // tap returns promises from t.test() that the runner itself awaits.
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
    },
  },
)
