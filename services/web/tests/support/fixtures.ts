/** A server of its own for each test, and people who arrive at it. */

import { test as base } from '@playwright/test';
import { Line } from './line';
import { Person } from './person';
import { Server } from './server';

/** How many lines lead to a server: their origins must be known when it starts. */
const LINES = 2;

interface Fixtures {
  lines: Line[];
  server: Server;
  /** Somebody whose browser talks to the server directly. */
  arrive: (name: string) => Promise<Person>;
  /** Somebody whose line can be cut. */
  arriveOverLine: (name: string) => Promise<{ person: Person; line: Line }>;
}

export const test = base.extend<Fixtures>({
  // Playwright reads the names of fixtures out of the first parameter, so it must be a pattern.
  lines: async ({}, use) => {
    const lines = await Promise.all(Array.from({ length: LINES }, () => Line.open()));
    await use(lines);
    await Promise.all(lines.map((line) => line.close()));
  },
  server: async ({ lines }, use) => {
    const server = await Server.start({ allowedOrigins: lines.map(({ url }) => url) });
    for (const line of lines) line.leadTo(server.port);
    await use(server);
    await server.remove();
  },
  arrive: async ({ browser, server }, use) => {
    const people: Person[] = [];
    await use(async (name) => {
      const person = await Person.arrive(browser, server.url, name);
      people.push(person);
      return person;
    });
    await Promise.all(people.map((person) => person.leave()));
  },
  arriveOverLine: async ({ browser, server, lines }, use) => {
    const people: Person[] = [];
    await use(async (name) => {
      const line = lines[people.length];
      if (line === undefined) throw new Error(`only ${LINES} lines lead to ${server.url}`);
      const person = await Person.arrive(browser, line.url, name);
      people.push(person);
      return { person, line };
    });
    await Promise.all(people.map((person) => person.leave()));
  },
});

export { expect } from '@playwright/test';
