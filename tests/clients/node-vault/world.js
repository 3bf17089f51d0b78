'use strict';

// The server under test: initialized and unsealed through node-vault itself, once for all tests.

const assert = require('node:assert/strict');
const vault = require('node-vault');

let numbers = 0;
const world = { keys: [], token: '' };

/** A client; without a token, where none is given. */
world.client = (token, more = {}) => {
  const client = vault({ endpoint: process.env.VAULT_ADDR, ...more });
  client.token = token;
  return client;
};

world.root = () => world.client(world.token);

/** A name that no other test has. */
world.fresh = (name) => `${name}-${++numbers}`;

/** Such a status, and one of these words in its error. */
world.refused = (promise, status, words = '') =>
  assert.rejects(promise, (error) => {
    assert.equal(error.response.statusCode, status, error.message);
    assert.ok(error.message.includes(words), error.message);
    return true;
  });

world.openUp = async () => {
  const nobody = world.client();
  assert.equal((await nobody.initialized()).initialized, false);
  assert.equal((await nobody.health()).initialized, false);
  const made = await nobody.init({ secret_shares: 3, secret_threshold: 2 });
  assert.equal(made.keys.length, 3);
  assert.equal((await nobody.status()).sealed, true);
  await nobody.unseal({ key: made.keys[0] });
  assert.equal((await nobody.unseal({ key: made.keys[1] })).sealed, false);
  Object.assign(world, { keys: made.keys, token: made.root_token });
};

/** Tries until it holds. */
world.eventually = async (holds, seconds = 30) => {
  const deadline = Date.now() + seconds * 1000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'it does not come to hold');
    await new Promise((done) => setTimeout(done, 50));
  }
};

module.exports = world;
