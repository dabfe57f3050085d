#!/bin/sh
# What Snakemake asks of a job: running, success or failed. A query that fails says nothing of the job: it is asked again.
# -x: also of a job that has ended (PBS). F or C: finished; of one that was killed the exit status is not 0.
job=$(qstat -x -f "$1" 2>&1) || case "$job" in *"nknown Job"*) ;; *) job="job_state = R" ;; esac
state=$(echo "$job" | sed -n 's/^ *job_state = //p')
status=$(echo "$job" | sed -n 's/^ *[Ee]xit_status = //p')
case "$state" in
    F | C | "") if [ "$status" = 0 ]; then echo success; else echo failed; fi ;;
    *) echo running ;;
esac
