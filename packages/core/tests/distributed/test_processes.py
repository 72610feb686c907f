"""Several processes compute together."""

import pytest

import dolmen.core as dc


def test_devices_are_those_of_all_processes(together):
    printed = together("""
        assert not dc.distributed.is_initialized()
        join()
        assert dc.distributed.is_initialized()
        print(dc.process_index(), dc.process_count(), dc.process_indices())
        print(dc.device_count(), dc.local_device_count())
        print([d.process_index for d in dc.devices()])
        dc.distributed.shutdown()
        assert not dc.distributed.is_initialized()
    """)
    rest = ["4 2", "[0, 0, 1, 1]"]
    assert printed == [["0 2 [0, 1]", *rest], ["1 2 [0, 1]", *rest]]


def test_programs_over_a_mesh_of_all_devices(together):
    printed = together("""
        join()
        mesh = dc.make_mesh((4,), ("x",))
        rows = dc.NamedSharding(mesh, P("x"))
        whole = np.arange(8, dtype=np.float32)

        x = dc.make_array_from_callback((8,), rows, lambda index: whole[index])
        assert not x.is_fully_addressable
        assert [s.data.shape for s in x.addressable_shards] == [(2,), (2,)]
        print(x, repr(x))
        mine = whole[rank * 4 : rank * 4 + 4]
        y = dc.make_array_from_process_local_data(rows, mine)
        z = dc.device_put(whole, rows)

        assert float(dc.jit(lambda x: (x * 2).sum())(x)) == 2 * whole.sum()
        assert float(jnp.max(y + z - x)) == 7.0
        gradient = dc.jit(dc.grad(lambda x: (x ** 2 * jnp.roll(x, 1)).sum()))(x)
        expected = 2 * whole * np.roll(whole, 1) + np.roll(whole, -1) ** 2
        np.testing.assert_allclose(mu.process_allgather(gradient, tiled=True), expected)

        f = dc.shard_map(
            lambda x: (lax.psum(x, "x"), x + lax.axis_index("x")),
            mesh=mesh, in_specs=P("x"), out_specs=(P(), P("x")),
        )
        total, moved = f(x)
        np.testing.assert_array_equal(total, whole.reshape(4, 2).sum(0))
        print([np.asarray(s.data).tolist() for s in moved.addressable_shards])
        try:
            np.asarray(moved)
        except RuntimeError as error:
            print(error)
    """)
    text = "Array(shape=(8,), dtype=float32)"
    assert [lines[0] for lines in printed] == [f"{text} {text}"] * 2
    assert printed[0][1] == "[[0.0, 1.0], [3.0, 4.0]]"
    assert printed[1][1] == "[[6.0, 7.0], [9.0, 10.0]]"
    assert "other processes hold parts of it" in printed[0][2]


def test_a_training_step_is_that_of_one_process(together):
    printed = together(
        """
        join()
        mesh = dc.make_mesh((6,), ("data",))
        rng = np.random.default_rng(0)
        w = rng.normal(size=(5, 3)).astype(np.float32)
        x = rng.normal(size=(12, 5)).astype(np.float32)
        batch = mu.host_local_array_to_global_array(
            x[rank * 4 : rank * 4 + 4], mesh, P("data")
        )

        def loss(w, x):
            return (jnp.tanh(x @ w) ** 2).mean()

        new = dc.jit(lambda w, x: w - dc.grad(loss)(w, x))(w, batch)
        by_hand = dc.jit(dc.shard_map(
            lambda w, x: w - dc.grad(loss)(w, x) / 6,
            mesh=mesh, in_specs=(P(), P("data")), out_specs=P(),
        ))(w, batch)
        t = np.tanh(x @ w)
        expected = w - x.T @ (2 * t * (1 - t**2)) / t.size
        np.testing.assert_allclose(new, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(by_hand, expected, rtol=1e-4, atol=1e-6)
        back = mu.global_array_to_host_local_array(batch, mesh, P("data"))
        np.testing.assert_array_equal(back, x[rank * 4 : rank * 4 + 4])
        print(back.is_fully_addressable, back.sharding.mesh.size)
        """,
        count=3,
    )
    assert printed == [["True 2"]] * 3


def test_processes_agree_and_gather(together):
    printed = together("""
        join()
        big = np.int64(2**40 + rank)
        print(mu.process_allgather({"a": big, "b": np.array([rank, 5], np.int8)}))
        print(mu.process_allgather(np.full((2, 1), rank), tiled=True).tolist())
        sent = mu.broadcast_one_to_all((big, np.array([rank == 1]), 1.5 + rank))
        print(*map(repr, sent))
        print(mu.broadcast_one_to_all(np.int32(rank), is_source=rank == 1))
        mu.sync_global_devices("here")
        mu.assert_equal({"step": 3, "loss": np.nan})
        try:
            mu.assert_equal({"step": 3 + rank}, "the steps differ.")
        except AssertionError as error:
            print(error)
        try:
            mu.sync_global_devices(f"place {rank}")
        except RuntimeError as error:
            print(error)
    """)
    assert printed[0] == [
        "{'a': array([1099511627776, 1099511627777]), 'b': array([[0, 5],",
        "       [1, 5]], dtype=int8)}",
        "[[0], [0], [1], [1]]",
        "array(1099511627776) array([False]) array(1.5)",
        "1",
        "the steps differ. Those of process 0 differ in: 1.",
        "sync_global_devices: the processes wait for each other at different places "
        "of the program:",
        "  process 0: 'place 0'",
        "  process 1: 'place 1'",
        *printed[0][9:],
    ]
    assert "  in_tree['step']: array(4) here, array(3) there" in printed[1]


def test_places_from_variables(together):
    printed = together(
        """
        import os
        os.environ["DOLMEN_COORDINATOR_ADDRESS"] = address
        dc.distributed.initialize()
        print(dc.process_index(), dc.process_count())
        """,
        DOLMEN_NUM_PROCESSES="2",
        DOLMEN_PROCESS_ID="{rank}",
    )
    assert printed == [["0 2"], ["1 2"]]


def test_misuse(together):
    printed = together("""
        for wrong in (
            lambda: dc.distributed.initialize("localhost", 2, rank),
            lambda: dc.distributed.initialize(address, 2, 2),
            lambda: dc.distributed.initialize(address, 2),
            lambda: dc.distributed.initialize(cluster_detection_method="cloud"),
            lambda: dc.distributed.initialize(address, 2, rank, slice_index=0),
            lambda: (join(), join()),
        ):
            try:
                wrong()
            except Exception as error:
                print(type(error).__name__, str(error).splitlines()[0])
    """)
    for lines in printed:
        assert len(lines) == 6
        host_port, number, missing, method, slices, twice = lines
        assert "expected `coordinator_address` to be host:port" in host_port
        assert "`process_id` must be between 0 and 1, got 2" in number
        assert "`process_id` must be given" in missing
        assert "must be one of 'slurm', 'ompi'" in method
        assert slices.startswith("NotImplementedError distributed.initialize: expected")
        assert twice.startswith("RuntimeError distributed.initialize: this process is")


def test_others_that_do_not_come(together):
    (said,) = together(
        """
        import logging
        from dolmen.core._backend import _distributed
        logging.basicConfig()
        _distributed._SECONDS_IN_SILENCE = 0.1
        dc.distributed.initialize(address, 3, 0, initialization_timeout=1)
        """,
        count=1,
        ends_well=False,
    )
    text = "\n".join(said)
    assert "Process 0 of 3 still waits for the others at localhost:" in text
    assert "# of tasks that reached the barrier: 1/3" in text


def test_a_first_process_that_does_not_come(together):
    (printed,) = together(
        """
        try:
            dc.distributed.initialize(address, 2, 1, initialization_timeout=1)
        except RuntimeError as error:
            print(error)
        """,
        count=1,
    )
    assert printed[0].startswith("distributed.initialize: process 1 of 2 waited 1 s")
    assert "nothing listens there" in printed[0]
    assert printed[-1].startswith("Do all processes run")


def test_too_late():
    dc.devices()
    with pytest.raises(RuntimeError, match=r"it is too late(.|\n)*before anything"):
        dc.distributed.initialize("localhost:1", 1, 0)
    dc.distributed.shutdown()  # nothing to leave
