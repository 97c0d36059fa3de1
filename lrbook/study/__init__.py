"""Studies: a sweep written down in a TOML file, run on this machine or on a cluster by Dask.

plan.py     the file, checked, as configurations
index.py    what a results folder has, without opening every record again
engine.py   Dask: size the cluster, start what is missing, see that its records came
handout.py  hand the missing runs out, survive what breaks
session.py  to one scheduler, until all has ended or it is gone
crew.py     which workers are broken
tasks.py    a run as a task of Dask
machine.py  this machine as a cluster: its size, its GPUs, Ctrl-C
work.py     in a worker: one run, in a process of its own
one.py      that process
waits.py    whom a run waits for
screen.py   what is seen meanwhile
report.py   table, figure and Parquet of a finished study
command.py  ``lrbook sweep`` and ``lrbook study``
"""
