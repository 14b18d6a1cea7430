/** A pool of processes keeps its word although agents and keepers are killed (test/support/pool-kills.ts). */
import { poolUnderKills } from '../support/pool-kills.ts';

const program = `
  const http = require('http');
  const { NAME, PORT } = process.env;
  http.createServer((request, response) => response.end(NAME)).listen(PORT);
`;

poolUnderKills('processes', async () => ({
  template: { driver: 'process', command: ['node', '-e', program] },
  environment: {},
  ports: { from: 30_000, to: 30_999 },
  beside: async () => [],
}));
