"""Applies states with Salt, many times in one process: arguments are a minion configuration, a list of jobs and where
the results go. It is what `salt-call --local state.apply` runs, without its second of start for each."""

import json
import sys

import salt.client
import salt.config

configuration, jobs, results = sys.argv[1:]
caller = salt.client.Caller(mopts=salt.config.minion_config(configuration))
answers = []
with open(jobs, encoding="utf-8") as file:
    for job in json.load(file):
        answer = caller.cmd("state.apply", *job["sls"], pillar=job["pillar"], test=job["test"], concurrent=True)
        answers.append(answer)
with open(results, "w", encoding="utf-8") as file:
    json.dump(answers, file)
