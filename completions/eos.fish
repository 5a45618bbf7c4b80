# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_eos_global_optspecs
    string join \n root= output= log-format= v/verbose color= config= h/help V/version
end

function __fish_eos_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_eos_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_eos_using_subcommand
    set -l cmd (__fish_eos_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c eos -n "__fish_eos_needs_command" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_needs_command" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_needs_command" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_needs_command" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_needs_command" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_needs_command" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_needs_command" -s V -l version -d 'Print version'
complete -c eos -n "__fish_eos_needs_command" -f -a "bootstrap" -d 'Make this machine the first node of a cluster, or a member of one'
complete -c eos -n "__fish_eos_needs_command" -f -a "preflight" -d 'Check whether this machine can become a node, and change nothing'
complete -c eos -n "__fish_eos_needs_command" -f -a "status" -d 'Show this node and its cluster'
complete -c eos -n "__fish_eos_needs_command" -f -a "discover" -d 'Show the clusters that answer on the networks of this machine'
complete -c eos -n "__fish_eos_needs_command" -f -a "rollback" -d 'Return to the state before a checkpoint'
complete -c eos -n "__fish_eos_needs_command" -f -a "reset" -d 'Take this machine out of its cluster and remove what eos put on it'
complete -c eos -n "__fish_eos_needs_command" -f -a "explain" -d 'Tell cause and remedy of an error code'
complete -c eos -n "__fish_eos_needs_command" -f -a "cloud-init" -d 'User data with which machines become nodes at their first boot'
complete -c eos -n "__fish_eos_needs_command" -f -a "node" -d 'Nodes of the cluster'
complete -c eos -n "__fish_eos_needs_command" -f -a "identity" -d 'Who this machine is in its cluster'
complete -c eos -n "__fish_eos_needs_command" -f -a "token" -d 'Join tokens'
complete -c eos -n "__fish_eos_needs_command" -f -a "role" -d 'Roles of nodes'
complete -c eos -n "__fish_eos_needs_command" -f -a "checkpoint" -d 'Checkpoints of this node'
complete -c eos -n "__fish_eos_needs_command" -f -a "snapshot" -d 'Snapshots of the cluster\'s own state'
complete -c eos -n "__fish_eos_needs_command" -f -a "state" -d 'States of this node\'s role'
complete -c eos -n "__fish_eos_needs_command" -f -a "storage" -d 'Storage operations of this node'
complete -c eos -n "__fish_eos_needs_command" -f -a "audit" -d 'The audit log of the cluster'
complete -c eos -n "__fish_eos_needs_command" -f -a "config" -d 'The configuration in force'
complete -c eos -n "__fish_eos_needs_command" -f -a "master" -d 'Run the master in the foreground'
complete -c eos -n "__fish_eos_needs_command" -f -a "agent" -d 'Run the agent in the foreground'
complete -c eos -n "__fish_eos_needs_command" -f -a "supervise" -d 'Keep one service running where there is no service manager'
complete -c eos -n "__fish_eos_needs_command" -f -a "completions" -d 'Print the completions of a shell'
complete -c eos -n "__fish_eos_needs_command" -f -a "man" -d 'Write the manual pages into a directory'
complete -c eos -n "__fish_eos_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l join-cluster -d 'Join the cluster whose master is at this address' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l expect -d 'With the same command on N machines: where no cluster answers, more than half of them elect the one that founds it, and all others join; needs a token of `eos token generate`' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l preferred-role -d 'The role to ask for' -r -f -a "edge\t''
core\t''
data\t''
compute\t''"
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l token -d 'The join token; a file or EOS_TOKEN keeps it out of the shell\'s history' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l token-file -d 'The file that holds the join token' -r -F
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l ca-fingerprint -d 'The fingerprint of the cluster\'s certificate authority' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l cluster-id -d 'The cluster\'s id; of several that answer on the network, the one to join' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l advertise-address -d 'The address at which other nodes reach this one' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l node-name -d 'The name of this node; the hostname unless given' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l engine -d 'What applies the states of this node: eos itself, or an installed Salt' -r -f -a "embedded\t''
salt\t''"
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l salt-call -d 'The salt-call to apply them with; looked for where programs are unless given' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l salt-master -d 'The configuration of the Salt master on the first node\'s machine, or none: it then keeps the minions\' keys and runs the orchestrations; /etc/salt where that has one unless given' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l skip-check -d 'A check whose failure is passed over' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l timeout -d 'How long the whole command may take, 10m or 90s' -r
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l single-node -d 'Make this machine the first node of a new cluster'
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l new-cluster -d 'Found a new cluster whatever is on the network, even one of the same name'
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l auto-discover -d 'Only ever join, never make a new cluster: the one that is configured, or that answers on the network'
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l dry-run -d 'Only say what would be done'
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -l cloud-init -d 'For cloud-init: what became of it is in /run/eos/status.json, and the exit status is 0, 1 (a person is needed) or 2 (nothing changed, and the same command may succeed later)'
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand bootstrap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand preflight" -l join-cluster -d 'Join the cluster whose master is at this address' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l expect -d 'With the same command on N machines: where no cluster answers, more than half of them elect the one that founds it, and all others join; needs a token of `eos token generate`' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l preferred-role -d 'The role to ask for' -r -f -a "edge\t''
core\t''
data\t''
compute\t''"
complete -c eos -n "__fish_eos_using_subcommand preflight" -l token -d 'The join token; a file or EOS_TOKEN keeps it out of the shell\'s history' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l token-file -d 'The file that holds the join token' -r -F
complete -c eos -n "__fish_eos_using_subcommand preflight" -l ca-fingerprint -d 'The fingerprint of the cluster\'s certificate authority' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l cluster-id -d 'The cluster\'s id; of several that answer on the network, the one to join' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l advertise-address -d 'The address at which other nodes reach this one' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l node-name -d 'The name of this node; the hostname unless given' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l engine -d 'What applies the states of this node: eos itself, or an installed Salt' -r -f -a "embedded\t''
salt\t''"
complete -c eos -n "__fish_eos_using_subcommand preflight" -l salt-call -d 'The salt-call to apply them with; looked for where programs are unless given' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l salt-master -d 'The configuration of the Salt master on the first node\'s machine, or none: it then keeps the minions\' keys and runs the orchestrations; /etc/salt where that has one unless given' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l skip-check -d 'A check whose failure is passed over' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l timeout -d 'How long the whole command may take, 10m or 90s' -r
complete -c eos -n "__fish_eos_using_subcommand preflight" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand preflight" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand preflight" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand preflight" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand preflight" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand preflight" -l single-node -d 'Make this machine the first node of a new cluster'
complete -c eos -n "__fish_eos_using_subcommand preflight" -l new-cluster -d 'Found a new cluster whatever is on the network, even one of the same name'
complete -c eos -n "__fish_eos_using_subcommand preflight" -l auto-discover -d 'Only ever join, never make a new cluster: the one that is configured, or that answers on the network'
complete -c eos -n "__fish_eos_using_subcommand preflight" -l dry-run -d 'Only say what would be done'
complete -c eos -n "__fish_eos_using_subcommand preflight" -l cloud-init -d 'For cloud-init: what became of it is in /run/eos/status.json, and the exit status is 0, 1 (a person is needed) or 2 (nothing changed, and the same command may succeed later)'
complete -c eos -n "__fish_eos_using_subcommand preflight" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand preflight" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand status" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand status" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand status" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand status" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand status" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand status" -l watch -d 'Show it again every two seconds until interrupted'
complete -c eos -n "__fish_eos_using_subcommand status" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand discover" -l timeout -d 'How long to listen when nobody answers, 3s' -r
complete -c eos -n "__fish_eos_using_subcommand discover" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand discover" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand discover" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand discover" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand discover" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand discover" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand discover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand rollback" -l to -d 'The checkpoint; the newest unless given' -r
complete -c eos -n "__fish_eos_using_subcommand rollback" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand rollback" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand rollback" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand rollback" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand rollback" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand rollback" -l force -d 'Give the cluster up although other nodes are members of it'
complete -c eos -n "__fish_eos_using_subcommand rollback" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand reset" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand reset" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand reset" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand reset" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand reset" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand reset" -l verify -d 'Prove that the machine is as it was before bootstrap; differences end with status 1'
complete -c eos -n "__fish_eos_using_subcommand reset" -l force -d 'Give the cluster up although other nodes are members of it'
complete -c eos -n "__fish_eos_using_subcommand reset" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand reset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand explain" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand explain" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand explain" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand explain" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand explain" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand explain" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -f -a "render" -d 'Print user data for cloud-init, the same for any number of machines'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and not __fish_seen_subcommand_from render help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l join-cluster -d 'Join the cluster whose master is at this address' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l expect -d 'With the same command on N machines: where no cluster answers, more than half of them elect the one that founds it, and all others join; needs a token of `eos token generate`' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l preferred-role -d 'The role to ask for' -r -f -a "edge\t''
core\t''
data\t''
compute\t''"
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l token -d 'The join token; a file or EOS_TOKEN keeps it out of the shell\'s history' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l token-file -d 'The file that holds the join token' -r -F
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l ca-fingerprint -d 'The fingerprint of the cluster\'s certificate authority' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l cluster-id -d 'The cluster\'s id; of several that answer on the network, the one to join' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l advertise-address -d 'The address at which other nodes reach this one' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l node-name -d 'The name of this node; the hostname unless given' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l engine -d 'What applies the states of this node: eos itself, or an installed Salt' -r -f -a "embedded\t''
salt\t''"
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l salt-call -d 'The salt-call to apply them with; looked for where programs are unless given' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l salt-master -d 'The configuration of the Salt master on the first node\'s machine, or none: it then keeps the minions\' keys and runs the orchestrations; /etc/salt where that has one unless given' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l skip-check -d 'A check whose failure is passed over' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l timeout -d 'How long the whole command may take, 10m or 90s' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l program-url -d 'From where the machine fetches eos; its image has eos unless given' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l program-sha256 -d 'The SHA-256 of what is fetched' -r
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -s o -l out -d 'The file to write it to, which only its owner can read; standard output unless given' -r -F
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l single-node -d 'Make this machine the first node of a new cluster'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l new-cluster -d 'Found a new cluster whatever is on the network, even one of the same name'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l auto-discover -d 'Only ever join, never make a new cluster: the one that is configured, or that answers on the network'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l dry-run -d 'Only say what would be done'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -l cloud-init -d 'For cloud-init: what became of it is in /run/eos/status.json, and the exit status is 0, 1 (a person is needed) or 2 (nothing changed, and the same command may succeed later)'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from help" -f -a "render" -d 'Print user data for cloud-init, the same for any number of machines'
complete -c eos -n "__fish_eos_using_subcommand cloud-init; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -f -a "list" -d 'List every node that the master knows'
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -f -a "show" -d 'Show one node'
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -f -a "accept" -d 'Let a node in that waits, or bring a removed one back'
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -f -a "reject" -d 'Refuse a node that waits'
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -f -a "remove" -d 'Remove a node; its certificate is void at once'
complete -c eos -n "__fish_eos_using_subcommand node; and not __fish_seen_subcommand_from list show accept reject remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from list" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from list" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from list" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from list" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from list" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from show" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from show" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from show" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from show" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from show" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -l replace -d 'The member whose place it takes, by its name or id' -r
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -l plan -d 'Only show what would change'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from accept" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from reject" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from reject" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from reject" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from reject" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from reject" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from reject" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from reject" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from remove" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from remove" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from remove" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from remove" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from remove" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from help" -f -a "list" -d 'List every node that the master knows'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one node'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from help" -f -a "accept" -d 'Let a node in that waits, or bring a removed one back'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from help" -f -a "reject" -d 'Refuse a node that waits'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove a node; its certificate is void at once'
complete -c eos -n "__fish_eos_using_subcommand node; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -f -a "show" -d 'Show which node this machine is, and what tells it from others'
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -f -a "new" -d 'For a copy of a node\'s disk: give that node\'s identity up without a word to the master, to join as another one'
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -f -a "keep" -d 'For a node\'s disk in another machine: this machine is the node from now on'
complete -c eos -n "__fish_eos_using_subcommand identity; and not __fish_seen_subcommand_from show new keep help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from show" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from show" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from show" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from show" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from show" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from new" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from new" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from new" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from new" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from new" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from new" -l force -d 'Although nothing says that this machine is a copy'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from new" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from keep" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from keep" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from keep" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from keep" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from keep" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from keep" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from keep" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show which node this machine is, and what tells it from others'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from help" -f -a "new" -d 'For a copy of a node\'s disk: give that node\'s identity up without a word to the master, to join as another one'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from help" -f -a "keep" -d 'For a node\'s disk in another machine: this machine is the node from now on'
complete -c eos -n "__fish_eos_using_subcommand identity; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -f -a "create" -d 'Make a token of this cluster'
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -f -a "generate" -d 'Make a token before there is a cluster, to be given to all its nodes'
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -f -a "list" -d 'List the tokens, without their secrets'
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -f -a "revoke" -d 'Make a token void at once'
complete -c eos -n "__fish_eos_using_subcommand token; and not __fish_seen_subcommand_from create generate list revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l expires-hours -d 'Hours until it expires' -r
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l expires-seconds -d 'Seconds until it expires, in place of hours' -r
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l uses -d 'How often it may be used; any number unless given' -r
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l role -d 'The only role that it admits' -r -f -a "edge\t''
core\t''
data\t''
compute\t''"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from generate" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from generate" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from generate" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from generate" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from generate" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from generate" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from list" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from list" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from list" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from list" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from list" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from revoke" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from revoke" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from revoke" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from revoke" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from revoke" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from revoke" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a token of this cluster'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "generate" -d 'Make a token before there is a cluster, to be given to all its nodes'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the tokens, without their secrets'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Make a token void at once'
complete -c eos -n "__fish_eos_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -f -a "plan" -d 'Show which roles a change of nodes would bring, and change nothing'
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -f -a "set" -d 'Give a node a role, or give the choice back to the planner'
complete -c eos -n "__fish_eos_using_subcommand role; and not __fish_seen_subcommand_from plan set help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -l file -d 'Nodes from a file in place of the live cluster' -r -F
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -l add -d 'A node to add: NAME, NAME:ROLE or NAME:ROLE:CPUS:MEMORY_GIB:DISK_GIB' -r
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -l remove -d 'A node to take away, by its name or id' -r
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from set" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from set" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from set" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from set" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from set" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from set" -l plan -d 'Only show what would change'
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from help" -f -a "plan" -d 'Show which roles a change of nodes would bring, and change nothing'
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from help" -f -a "set" -d 'Give a node a role, or give the choice back to the planner'
complete -c eos -n "__fish_eos_using_subcommand role; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -f -a "list" -d 'List the checkpoints of this node'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -f -a "show" -d 'Show one checkpoint'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and not __fish_seen_subcommand_from list show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from list" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from list" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from list" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from list" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from list" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from show" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from show" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from show" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from show" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from show" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the checkpoints of this node'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one checkpoint'
complete -c eos -n "__fish_eos_using_subcommand checkpoint; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "create" -d 'Capture sources of this node, reading only what changed since the snapshot before'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "list" -d 'List the snapshots of this host, or of the whole cluster'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "show" -d 'Show what a snapshot holds, who signed it and who reads it'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "verify" -d 'Read every byte of a snapshot and name what is damaged'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "restore" -d 'Put a snapshot in the place of what is there, by one exchange, with the hooks of its source'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "recover" -d 'Finish or take back what a crash left of captures and restores; the agent has it run whenever it starts'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "prune" -d 'Remove old snapshots, but never the newest of a source or what is being read; or what restores replaced'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "pull" -d 'Fetch a snapshot from those who hold it, so that this node holds it too'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "export" -d 'Put a full snapshot into a directory as part-000000.tar.zst and so on, which any zstd and tar restore'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "pack" -d 'Pack a directory into one .tar.zst, which any zstd and tar restore; needs no cluster'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "unpack" -d 'Unpack a .tar.zst from anywhere: all of it, or nothing; needs no cluster'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and not __fish_seen_subcommand_from create list show verify restore recover prune pull export pack unpack help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l path -d 'Capture this directory or SQLite database instead, which no configuration names' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l name -d 'How the source at --path is called' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l force -d 'Make a snapshot although nothing changed since the one before'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -l full -d 'Borrow nothing from earlier snapshots, so that zstd and tar alone restore this one; implies --force'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from list" -l cluster -d 'Every snapshot that a node holds, with the nodes; only on the master\'s host'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from show" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from show" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from show" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from show" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from show" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from show" -l entries -d 'List its entries too'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from verify" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from verify" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from verify" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from verify" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from verify" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from verify" -l quick -d 'Look only at manifests and at the sizes of parts, and read no part'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l from -d 'Take what this node has not from this holder alone; may be given several times' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l into -d 'Restore to this directory instead, which is empty or not there; no hooks are run' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l connections -d 'Open at most so many connections at a time to all holders together; as snapshot.connections says unless given' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l bandwidth -d 'Receive at most so many bytes a second over all connections together, such as 20000000 for 20 MB/s; as snapshot.bandwidth_bytes says unless given, which is no limit by default' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l previous -d 'Put the tree of before the last restore of the source in place again'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l older -d 'Allow a snapshot that is older than the one restored last'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l reread -d 'Read all files that are here again, also those that match write_once, that an earlier restore verified, and that nobody wrote to since'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -l or-older -d 'If nobody delivers the newest snapshot of the source, restore the next older one instead, and so on; also this node\'s newest while the master cannot be asked'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from recover" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from recover" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from recover" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from recover" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from recover" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from recover" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l keep -d 'Keep so many of the newest of each source' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l older-than -d 'Remove what is older, 7d or 36h' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l max-bytes -d 'Remove the oldest until the others take no more bytes in each store' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l previous -d 'Remove the tree that stood at the path of this source before its last restore; may be given several times' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l downloads -d 'Remove the downloads that were begun and that nobody carries on at this moment'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -l dry-run -d 'Only say what would be removed'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l from -d 'Pull from this holder alone; may be given several times' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l connections -d 'Open at most so many connections at a time to all holders together; as snapshot.connections says unless given' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l bandwidth -d 'Receive at most so many bytes a second over all connections together, such as 20000000 for 20 MB/s; as snapshot.bandwidth_bytes says unless given, which is no limit by default' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l or-older -d 'If nobody delivers the newest snapshot of the source, pull the next older one instead, and so on'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -l repair -d 'If the snapshot is here already, read every byte of it, and fetch what is damaged again'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from export" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from export" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from export" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from export" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from export" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from export" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -s o -l output-file -d 'The archive to make, as a rule FILE.tar.zst; it must not exist, and lies outside of the directory' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -l exclude -d 'Leave out this path, with all beneath it: below the directory, or absolute' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -l level -d 'How much zstd compresses' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from pack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l into -d 'The directory to make; it must not exist or be empty, and its path is taken as it is, not below --root' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l max-bytes -d 'The most bytes of file content; what is free there unless given' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l max-entries -d 'The most entries' -r
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l allow-outside-links -d 'Let in symbolic links that are absolute or lead out of the archive'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l allow-setuid -d 'Let in files and directories with setuid or setgid'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -l no-owners -d 'Give all files to whoever runs this, as it is for others than root'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from unpack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "create" -d 'Capture sources of this node, reading only what changed since the snapshot before'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the snapshots of this host, or of the whole cluster'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what a snapshot holds, who signed it and who reads it'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Read every byte of a snapshot and name what is damaged'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Put a snapshot in the place of what is there, by one exchange, with the hooks of its source'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "recover" -d 'Finish or take back what a crash left of captures and restores; the agent has it run whenever it starts'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove old snapshots, but never the newest of a source or what is being read; or what restores replaced'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "pull" -d 'Fetch a snapshot from those who hold it, so that this node holds it too'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "export" -d 'Put a full snapshot into a directory as part-000000.tar.zst and so on, which any zstd and tar restore'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "pack" -d 'Pack a directory into one .tar.zst, which any zstd and tar restore; needs no cluster'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "unpack" -d 'Unpack a .tar.zst from anywhere: all of it, or nothing; needs no cluster'
complete -c eos -n "__fish_eos_using_subcommand snapshot; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -f -a "show" -d 'Show the states of this node with all their arguments resolved'
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -f -a "orchestration" -d 'Show the steps by which the master hands out a new generation'
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -f -a "apply" -d 'Apply the states of this node'
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -f -a "carry-out" -d 'Apply what the agent has ordered, or undo what a crash left of that; for eos-apply.service'
complete -c eos -n "__fish_eos_using_subcommand state; and not __fish_seen_subcommand_from show orchestration apply carry-out help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from show" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from show" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from show" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from show" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from show" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from orchestration" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from orchestration" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from orchestration" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from orchestration" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from orchestration" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from orchestration" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from orchestration" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -l generation -d 'Take what the master assigns now, this generation or a later one, as the agent does; for an installed Salt that runs the cluster\'s orchestration' -r
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -l test -d 'Only show what would change'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from carry-out" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from carry-out" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from carry-out" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from carry-out" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from carry-out" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from carry-out" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from carry-out" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show the states of this node with all their arguments resolved'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from help" -f -a "orchestration" -d 'Show the steps by which the master hands out a new generation'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from help" -f -a "apply" -d 'Apply the states of this node'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from help" -f -a "carry-out" -d 'Apply what the agent has ordered, or undo what a crash left of that; for eos-apply.service'
complete -c eos -n "__fish_eos_using_subcommand state; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -f -a "status" -d 'Show how full the watched mounts are and what the monitor did'
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -f -a "monitor" -d 'Run the monitor in the foreground'
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -f -a "cleanup" -d 'Do now what a level says'
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -f -a "accept-clock" -d 'Take the wall clock for right after a jump (EOS-V021)'
complete -c eos -n "__fish_eos_using_subcommand storage; and not __fish_seen_subcommand_from status monitor cleanup accept-clock help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from status" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from status" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from status" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from status" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from status" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from monitor" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from monitor" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from monitor" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from monitor" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from monitor" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from monitor" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from monitor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -l level -d 'warning, compress, cleanup, degraded, emergency or critical' -r
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -l dry-run -d 'Only list what would be done'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from cleanup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from accept-clock" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from accept-clock" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from accept-clock" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from accept-clock" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from accept-clock" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from accept-clock" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from accept-clock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "status" -d 'Show how full the watched mounts are and what the monitor did'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "monitor" -d 'Run the monitor in the foreground'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "cleanup" -d 'Do now what a level says'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "accept-clock" -d 'Take the wall clock for right after a jump (EOS-V021)'
complete -c eos -n "__fish_eos_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -f -a "list" -d 'List the newest lines, the newest last'
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -f -a "verify" -d 'Check that no line was changed, moved or removed'
complete -c eos -n "__fish_eos_using_subcommand audit; and not __fish_seen_subcommand_from list verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from list" -l count -d 'How many' -r
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from list" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from list" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from list" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from list" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from list" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from verify" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from verify" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from verify" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from verify" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from verify" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the newest lines, the newest last'
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check that no line was changed, moved or removed'
complete -c eos -n "__fish_eos_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -f -a "show" -d 'Show every key with its value'
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -f -a "validate" -d 'Check the configuration'
complete -c eos -n "__fish_eos_using_subcommand config; and not __fish_seen_subcommand_from show validate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from show" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from show" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from show" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from show" -l origin -d 'And where the value came from'
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from validate" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from validate" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from validate" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from validate" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from validate" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from validate" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show every key with its value'
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "validate" -d 'Check the configuration'
complete -c eos -n "__fish_eos_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand master" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand master" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand master" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand master" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand master" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand master" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand master" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand agent" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand agent" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand agent" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand agent" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand agent" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand agent" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand agent" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand supervise" -l unit -d 'The service' -r
complete -c eos -n "__fish_eos_using_subcommand supervise" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand supervise" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand supervise" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand supervise" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand supervise" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand supervise" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand supervise" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand completions" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand completions" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand completions" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand completions" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand completions" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand completions" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand man" -l root -d 'Directory under which every path lies that eos reads or writes' -r -F
complete -c eos -n "__fish_eos_using_subcommand man" -l output -d 'How results are printed; json ends with one verdict object' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand man" -l log-format -d 'How logs are printed' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c eos -n "__fish_eos_using_subcommand man" -l color -d 'When output is coloured; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c eos -n "__fish_eos_using_subcommand man" -l config -d 'The cluster configuration' -r -F
complete -c eos -n "__fish_eos_using_subcommand man" -s v -l verbose -d 'Says more; twice: everything'
complete -c eos -n "__fish_eos_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "bootstrap" -d 'Make this machine the first node of a cluster, or a member of one'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "preflight" -d 'Check whether this machine can become a node, and change nothing'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "status" -d 'Show this node and its cluster'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "discover" -d 'Show the clusters that answer on the networks of this machine'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "rollback" -d 'Return to the state before a checkpoint'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "reset" -d 'Take this machine out of its cluster and remove what eos put on it'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "explain" -d 'Tell cause and remedy of an error code'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "cloud-init" -d 'User data with which machines become nodes at their first boot'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "node" -d 'Nodes of the cluster'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "identity" -d 'Who this machine is in its cluster'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "token" -d 'Join tokens'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "role" -d 'Roles of nodes'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "checkpoint" -d 'Checkpoints of this node'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "snapshot" -d 'Snapshots of the cluster\'s own state'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "state" -d 'States of this node\'s role'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "storage" -d 'Storage operations of this node'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "audit" -d 'The audit log of the cluster'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "config" -d 'The configuration in force'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "master" -d 'Run the master in the foreground'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "agent" -d 'Run the agent in the foreground'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "supervise" -d 'Keep one service running where there is no service manager'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "completions" -d 'Print the completions of a shell'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "man" -d 'Write the manual pages into a directory'
complete -c eos -n "__fish_eos_using_subcommand help; and not __fish_seen_subcommand_from bootstrap preflight status discover rollback reset explain cloud-init node identity token role checkpoint snapshot state storage audit config master agent supervise completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from cloud-init" -f -a "render" -d 'Print user data for cloud-init, the same for any number of machines'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from node" -f -a "list" -d 'List every node that the master knows'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from node" -f -a "show" -d 'Show one node'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from node" -f -a "accept" -d 'Let a node in that waits, or bring a removed one back'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from node" -f -a "reject" -d 'Refuse a node that waits'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from node" -f -a "remove" -d 'Remove a node; its certificate is void at once'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from identity" -f -a "show" -d 'Show which node this machine is, and what tells it from others'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from identity" -f -a "new" -d 'For a copy of a node\'s disk: give that node\'s identity up without a word to the master, to join as another one'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from identity" -f -a "keep" -d 'For a node\'s disk in another machine: this machine is the node from now on'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "create" -d 'Make a token of this cluster'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "generate" -d 'Make a token before there is a cluster, to be given to all its nodes'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "list" -d 'List the tokens, without their secrets'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "revoke" -d 'Make a token void at once'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from role" -f -a "plan" -d 'Show which roles a change of nodes would bring, and change nothing'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from role" -f -a "set" -d 'Give a node a role, or give the choice back to the planner'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from checkpoint" -f -a "list" -d 'List the checkpoints of this node'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from checkpoint" -f -a "show" -d 'Show one checkpoint'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "create" -d 'Capture sources of this node, reading only what changed since the snapshot before'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "list" -d 'List the snapshots of this host, or of the whole cluster'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "show" -d 'Show what a snapshot holds, who signed it and who reads it'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "verify" -d 'Read every byte of a snapshot and name what is damaged'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "restore" -d 'Put a snapshot in the place of what is there, by one exchange, with the hooks of its source'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "recover" -d 'Finish or take back what a crash left of captures and restores; the agent has it run whenever it starts'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "prune" -d 'Remove old snapshots, but never the newest of a source or what is being read; or what restores replaced'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "pull" -d 'Fetch a snapshot from those who hold it, so that this node holds it too'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "export" -d 'Put a full snapshot into a directory as part-000000.tar.zst and so on, which any zstd and tar restore'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "pack" -d 'Pack a directory into one .tar.zst, which any zstd and tar restore; needs no cluster'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from snapshot" -f -a "unpack" -d 'Unpack a .tar.zst from anywhere: all of it, or nothing; needs no cluster'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from state" -f -a "show" -d 'Show the states of this node with all their arguments resolved'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from state" -f -a "orchestration" -d 'Show the steps by which the master hands out a new generation'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from state" -f -a "apply" -d 'Apply the states of this node'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from state" -f -a "carry-out" -d 'Apply what the agent has ordered, or undo what a crash left of that; for eos-apply.service'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "status" -d 'Show how full the watched mounts are and what the monitor did'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "monitor" -d 'Run the monitor in the foreground'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "cleanup" -d 'Do now what a level says'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "accept-clock" -d 'Take the wall clock for right after a jump (EOS-V021)'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "list" -d 'List the newest lines, the newest last'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Check that no line was changed, moved or removed'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Show every key with its value'
complete -c eos -n "__fish_eos_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "validate" -d 'Check the configuration'
