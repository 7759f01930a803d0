import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    // One of the tests takes 90 seconds by nature.
    testTimeout: 180_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});
