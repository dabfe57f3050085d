# What a job asks of a cluster: memory (MB) and time (minutes) that grow with the task and with the
# attempt. One machine is asked for none. Numbers are of one core of a Xeon; the time is doubled,
# and ten minutes added. What is exceeded nevertheless is tried again with more.
import math

from srnet.data.tasks import Formula

# How many rows a table has is not known before it is read.
ROWS_OF_A_TABLE = 10_000


def rows(task):
    """Rows that a task's network and formulas are fitted to, about."""
    source = TASKS[task].source
    return 1.3 * source.rows if isinstance(source, Formula) else ROWS_OF_A_TABLE


def values(task):
    """Numbers in the layers of a task's network, about."""
    return rows(task) * (sum(TASKS[task].network.hidden) + 1)


def mem_mb(wildcards, attempt):
    """Python with its libraries, the two Snakemakes around it (270 MB each), and five copies of the
    layers in double precision."""
    return attempt * math.ceil(1200 + 40e-6 * values(wildcards.task))


def minutes(seconds, attempt):
    """The time to ask for where one core of ours took so many seconds."""
    return attempt * math.ceil(10 + 2 * seconds / 60)


def minutes_of_training(wildcards, attempt):
    """A step costs 50 µs, and six operations for each row and weight, 1e10 of them in a second."""
    task, network = wildcards.task, TASKS[wildcards.task].network
    epochs = config["epochs"].get(task, network.epochs)
    batches = math.ceil(rows(task) / network.batch_rows(math.ceil(rows(task))))
    widths = (1, *network.hidden, 1)
    weights = sum(a * b for a, b in zip(widths, widths[1:]))
    return minutes(epochs * (50e-6 * batches + 6e-10 * rows(task) * weights), attempt)


def seconds_of_search(task, preset):
    """A chromosome evaluation costs 0.7 µs, and 0.4 ns for each row and neuron of its layer. Several
    formulas per layer are searched on a sample of the rows, for 4 µs."""
    settings, layers = SEARCHES[preset], len(TASKS[task].network.hidden) + 1
    cost = 0.7e-6 * layers + 0.4e-9 * values(task)
    if settings.search == "pursuit":
        cost = 4e-6 * layers
    return settings.population * settings.generations * cost


def minutes_of_search(wildcards, attempt):
    return minutes(seconds_of_search(wildcards.task, wildcards.preset), attempt)
