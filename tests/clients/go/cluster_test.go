package clients

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

func TestTheClusterOfOne(t *testing.T) {
	sys := root(t).Sys()
	nodes := got(sys.HAStatus())(t).Nodes
	same(t, len(nodes), 1)
	same(t, nodes[0].ActiveNode, true)
	state := got(sys.RaftAutopilotState())(t)
	same(t, state.Healthy, true)
	same(t, state.Servers[state.Leader].Status, "leader")
	config := got(sys.RaftAutopilotConfiguration())(t)
	same(t, config.LastContactThreshold, 10*time.Second)
	read := got(root(t).Logical().Read("sys/storage/raft/configuration"))(t)
	servers := read.Data["config"].(map[string]any)["servers"].([]any)
	same(t, servers[0].(map[string]any)["leader"], true)
	_, err := sys.RaftJoin(&api.RaftJoinRequest{LeaderAPIAddr: "https://127.0.0.1:1"})
	refused(t, err, 400, "")
}

func TestPlugins(t *testing.T) {
	sys := root(t).Sys()
	all := got(sys.ListPlugins(&api.ListPluginsInput{}))(t)
	same(t, slices.Contains(all.PluginsByType[api.PluginTypeSecrets], "kv"), true)
	same(t, slices.Contains(all.PluginsByType[api.PluginTypeCredential], "userpass"), true)
	input := &api.GetPluginInput{Name: "kv", Type: api.PluginTypeSecrets}
	same(t, got(sys.GetPlugin(input))(t).Builtin, true)
	got(sys.ReloadPlugin(&api.ReloadPluginInput{Plugin: "kv"}))(t)
}

func TestMonitor(t *testing.T) {
	watched, stop := context.WithCancel(ctx)
	defer stop()
	lines := got(root(t).Sys().Monitor(watched, "debug", "standard"))(t)
	deadline := time.After(30 * time.Second)
	for {
		// What is logged before the listener is there is not for it.
		got(root(t).Logical().Read("sys/mounts"))(t)
		select {
		case line := <-lines:
			same(t, strings.Contains(line, token), false)
			if strings.Contains(line, "[DEBUG]") {
				return
			}
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatal("no line comes")
		}
	}
}

func TestLoggers(t *testing.T) {
	logical := root(t).Logical()
	got(logical.Write("sys/loggers", map[string]any{"level": "warn"}))(t)
	got(logical.Delete("sys/loggers"))(t)
	_, err := logical.Write("sys/loggers", map[string]any{"level": "loud"})
	refused(t, err, 400, "")
}
