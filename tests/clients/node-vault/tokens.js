'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');
const { client, fresh, refused, root } = require('./world');

/** What makes tokens turns into their owner: node-vault keeps each new token as its own. */
const make = async (options, by = root()) => (await by.tokenCreate(options)).auth;

test('a token lives', async () => {
  const vault = root();
  const made = await make({
    policies: ['default'], meta: { who: 'me' }, ttl: '1h', display_name: 'test', num_uses: 9,
  });
  assert.deepEqual(made.policies, ['default']);
  assert.deepEqual(made.metadata, { who: 'me' });
  const found = (await vault.tokenLookup({ token: made.client_token })).data;
  assert.equal(found.display_name, 'token-test');
  const accessor = (await vault.tokenLookupAccessor({ accessor: made.accessor })).data;
  assert.equal(accessor.id, '');
  const own = await client(made.client_token).tokenLookupSelf();
  assert.equal(own.data.num_uses, 8);
  assert.ok((await vault.tokenAccessors()).data.keys.includes(made.accessor));
  const renewed = await vault.tokenRenew({ token: made.client_token, increment: '2h' });
  assert.equal(renewed.auth.lease_duration, 7200);
  const self = client(made.client_token);
  assert.equal((await self.tokenRenewSelf({ increment: 600 })).auth.lease_duration, 600);
  await root().tokenRevoke({ token: made.client_token });
  await refused(client(made.client_token).tokenLookupSelf(), 403, 'permission denied');
  await refused(root().tokenLookup({ token: made.client_token }), 403, 'bad token');
});

test('an orphan outlives its maker', async () => {
  const top = await make({ policies: ['root'] });
  const child = await make({ policies: ['default'] }, client(top.client_token));
  const orphan = (await client(top.client_token).tokenCreateOrphan({ ttl: '1h' })).auth;
  assert.equal(orphan.orphan, true);
  await root().tokenRevoke({ token: top.client_token });
  await refused(client(child.client_token).tokenLookupSelf(), 403);
  await client(orphan.client_token).tokenRevokeSelf();
  await refused(client(orphan.client_token).tokenLookupSelf(), 403);
  const next = await make({ policies: ['root'] });
  const left = await make({ policies: ['default'] }, client(next.client_token));
  await root().tokenRevokeOrphan({ token: next.client_token });
  assert.equal((await client(left.client_token).tokenLookupSelf()).data.orphan, true);
  await root().tokenRevokeAccessor({ accessor: left.accessor });
  await refused(client(left.client_token).tokenLookupSelf(), 403);
});

test('roles', async () => {
  const vault = root();
  const role = fresh('role');
  await vault.addTokenRole({
    role_name: role, allowed_policies: 'default,p1', orphan: true, period: 600,
    renewable: true, path_suffix: 'suffix', explicit_max_ttl: 10800,
  });
  const read = (await vault.getTokenRole({ role_name: role })).data;
  assert.deepEqual(read.allowed_policies, ['default', 'p1']);
  assert.equal(read.period, 600);
  assert.ok((await vault.tokenRoles()).data.keys.includes(role));
  const made = (await root().tokenCreateRole({ role_name: role, policies: ['p1'] })).auth;
  assert.deepEqual(made.policies, ['default', 'p1']);
  assert.equal(made.lease_duration, 600);
  await refused(root().tokenCreateRole({ role_name: role, policies: ['other'] }), 400);
  await vault.removeTokenRole({ role_name: role });
  await refused(vault.getTokenRole({ role_name: role }), 404);
});

test('a token is renewed by itself', async () => {
  const made = await make({ policies: ['default'], ttl: '6s' });
  const own = client(made.client_token);
  const renewed = new Promise((done, fail) => {
    own.once('token:renewed', done);
    own.once('token:error:renew', fail);
  });
  // This timer does not keep the program alive.
  const awake = setTimeout(() => {}, 30000);
  await own.startTokenRenewal({ renewFraction: 0.3, increment: '1h' });
  assert.equal((await renewed).auth.lease_duration, 3600);
  own.stopAllRenewals();
  clearTimeout(awake);
});

test('wrapping', async () => {
  const vault = root();
  const wrapped = await vault.write('sys/wrapping/wrap', { a: 'b' }, {
    headers: { 'X-Vault-Wrap-TTL': '90' },
  });
  assert.equal(wrapped.wrap_info.ttl, 90);
  const token = wrapped.wrap_info.token;
  const known = await client().write('sys/wrapping/lookup', { token });
  assert.equal(known.data.creation_path, 'sys/wrapping/wrap');
  assert.deepEqual((await vault.unwrap({ token })).data, { a: 'b' });
  await refused(vault.unwrap({ token }), 400, 'wrapping token is not valid or does not exist');
  const login = await vault.read('sys/mounts', { headers: { 'X-Vault-Wrap-TTL': '1m' } });
  const own = client(login.wrap_info.token);
  assert.ok('sys/' in (await own.unwrap()).data);
});
