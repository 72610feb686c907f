import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import nn


class Model(nn.Module):
    def __init__(self):
        rngs = nn.Rngs(0)
        self.layers = [nn.Linear(2, 3, rngs=rngs), nn.Linear(3, 1, rngs=rngs)]
        self.tied = self.layers[0].kernel
        self.count = nn.Variable(jnp.zeros((), jnp.int32))

    def __call__(self, x):
        return self.layers[1](self.layers[0](x))


def test_summary_is_a_table_with_shared_parameters_counted_once():
    spec = dc.ShapeDtypeStruct((5, 2), jnp.float32)

    text = nn.summary(Model(), spec)

    assert text == (
        "module    kind    parameters  bytes  variables\n"
        "--------  ------  ----------  -----  ------------------------------------\n"
        "(all)     Model           13     52  tied float32[2,3], count int32[]\n"
        "layers/0  Linear           9     36  kernel float32[2,3], bias float32[3]\n"
        "layers/1  Linear           4     16  kernel float32[3,1], bias float32[1]\n"
        "result: float32[5,1]"
    )


def test_depth_limits_the_rows():
    assert len(nn.summary(Model(), depth=1).splitlines()) == 3
