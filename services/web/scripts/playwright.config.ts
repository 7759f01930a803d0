import tests from '../playwright.config';

export default { ...tests, testDir: '.', testMatch: 'screenshot.ts', outputDir: '../test-results', workers: 1 };
