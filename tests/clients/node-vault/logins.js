'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');
const { client, fresh, refused, root } = require('./world');

test('userpass', async () => {
  const vault = root();
  const mount = fresh('userpass');
  await vault.enableAuth({ mount_point: mount, type: 'userpass', description: 'people' });
  assert.equal((await vault.auths()).data[`${mount}/`].description, 'people');
  await vault.write(`auth/${mount}/users/bob`, { password: 'p', policies: 'p1, p2' });
  const own = client();
  const login = await own.userpassLogin({ mount_point: mount, username: 'bob', password: 'p' });
  assert.equal(own.token, login.auth.client_token);
  assert.deepEqual((await own.tokenLookupSelf()).data.policies, ['default', 'p1', 'p2']);
  const wrong = { mount_point: mount, username: 'bob', password: 'x' };
  await refused(client().userpassLogin(wrong), 400, 'invalid username or password');
  await vault.disableAuth({ mount_point: mount });
  await refused(own.tokenLookupSelf(), 403);
});

test('approle', async () => {
  const vault = root();
  const mount_point = fresh('approle');
  const role_name = fresh('role');
  await vault.enableAuth({ mount_point, type: 'approle' });
  await vault.addApproleRole({
    mount_point, role_name, bind_secret_id: true, policies: 'p1,p2', secret_id_num_uses: 2,
    secret_id_ttl: 600, token_num_uses: 5, token_ttl: 300, token_max_ttl: 3600,
    bound_cidr_list: '127.0.0.0/8',
  });
  const role = (await vault.getApproleRole({ mount_point, role_name })).data;
  assert.deepEqual(role.token_policies, ['p1', 'p2']);
  assert.deepEqual((await vault.approleRoles({ mount_point })).data.keys, [role_name]);
  await vault.updateApproleRoleId({ mount_point, role_name, role_id: fresh('id') });
  const { role_id } = (await vault.getApproleRoleId({ mount_point, role_name })).data;
  const metadata = JSON.stringify({ host: 'h' });
  const made = await vault.getApproleRoleSecret({ mount_point, role_name, metadata });
  const { secret_id, secret_id_accessor } = made.data;
  const own = client();
  const login = await own.approleLogin({ mount_point, role_id, secret_id });
  assert.equal(login.auth.metadata.host, 'h');
  assert.equal(login.auth.num_uses, 5);
  assert.equal((await own.tokenLookupSelf()).data.path, `auth/${mount_point}/login`);
  const accessors = await vault.approleSecretAccessors({ mount_point, role_name });
  assert.deepEqual(accessors.data.keys, [secret_id_accessor]);
  const found = await vault.approleSecretLookup({ mount_point, role_name, secret_id });
  assert.equal(found.data.secret_id_num_uses, 1);
  const by = { mount_point, role_name, secret_id_accessor };
  assert.equal((await vault.approleSecretAccessorLookup(by)).data.metadata.host, 'h');
  await vault.approleSecretAccessorDestroy(by);
  await refused(client().approleLogin({ mount_point, role_id, secret_id }), 400);
  const other = (await vault.getApproleRoleSecret({ mount_point, role_name })).data.secret_id;
  await vault.approleSecretDestroy({ mount_point, role_name, secret_id: other });
  await refused(client().approleLogin({ mount_point, role_id, secret_id: other }), 400);
  await vault.deleteApproleRole({ mount_point, role_name });
  await refused(vault.getApproleRole({ mount_point, role_name }), 404);
});
