'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');
const world = require('./world');
const { client, refused, root } = world;

test('sealing', async () => {
  const nobody = client();
  await root().seal();
  assert.equal((await nobody.status()).sealed, true);
  assert.equal((await nobody.health()).sealed, true);
  await refused(root().mounts(), 503, 'Vault is sealed');
  assert.equal((await nobody.unseal({ key: world.keys[0] })).progress, 1);
  assert.equal((await nobody.unseal({ reset: true })).progress, 0);
  for (const key of world.keys.slice(1)) await nobody.unseal({ key });
  assert.equal((await nobody.status()).sealed, false);
  assert.equal((await nobody.health({ standbyok: true, sealedcode: 299 })).sealed, false);
  assert.equal((await nobody.leader()).ha_enabled, false);
});

test('a root token out of the shares', async () => {
  const nobody = client();
  const begun = await nobody.generateRootInit();
  await nobody.generateRootCancel();
  const { nonce, otp } = await nobody.generateRootInit();
  assert.notEqual(nonce, begun.nonce);
  await nobody.generateRootUpdate({ key: world.keys[0], nonce });
  const made = await nobody.generateRootUpdate({ key: world.keys[2], nonce });
  const masked = Buffer.from(made.encoded_token, 'base64');
  const token = Buffer.from(otp).map((byte, at) => byte ^ masked[at]).toString();
  assert.deepEqual((await client(token).tokenLookupSelf()).data.policies, ['root']);
  await client(token).tokenRevokeSelf();
});

test('the keyring', async () => {
  const { term } = (await root().read('sys/key-status')).data;
  await root().rotate();
  assert.equal((await root().read('sys/key-status')).data.term, term + 1);
  await root().stepDown();
});
